// failure_take() recovers from an error. failure_explain() finds the cause of the error. For this search,
// failure_explain() starts its own transaction. The loops of the workers call both functions.
#include "server/server.h"

#include "monitor/failure.h"
#include "monitor/lock_wait.h"
#include "monitor/obstacles.h"
#include "server/extension.h"
#include "server/process.h"
#include "server/subtransaction.h"
#include "server/text.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "pgstat.h"
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz log_again = 60 * USECS_PER_SEC;

} // namespace

bool failure_take(Failure *failure, bool (*may_be_of_row)(const ErrorData *)) {
    MemoryContextSwitchTo(TopMemoryContext);
    ErrorData *error = CopyErrorData();
    MonotonicTime now = monotonic_now();
    // If PostgreSQL refused a row, the caller halves the batch until it stores the refused row alone, and
    // then reports the error. So failure_take() does not report this error for the whole batch.
    bool refused = may_be_of_row != nullptr && may_be_of_row(error);
    char message[sizeof(failure->message)];
    text_copy(message, refused || error->message == nullptr ? "" : error->message);
    bool same = strcmp(failure->message, message) == 0;
    if (!refused && (!same || now > failure->logged_at + log_again)) {
        EmitErrorReport();
        failure->logged_at = now;
    }
    FlushErrorState();
    text_copy(failure->message, message);
    failure->code = error->sqlerrcode;
    failure->is_of_row = refused || subtransaction_is_row_error(error);
    failure->is_of_limit = error->sqlerrcode == ERRCODE_PROGRAM_LIMIT_EXCEEDED;
    failure->is_of_lock = error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
    obstacles_advise(error, failure->advice, sizeof(failure->advice));
    FreeErrorData(error);
    AbortCurrentTransaction();
    extension_forget();
    pgstat_report_activity(STATE_IDLE, nullptr);
    return !refused;
}

void failure_explain(Failure *failure) {
    text_copy(failure->reason, failure->message);
    failure->hint[0] = '\0';
    failure->passes = false;
    MemoryContext context = CurrentMemoryContext;
    PG_TRY();
    {
        process_allow_cancel();
        MemoryContext before = transaction_begin_look();
        Obstacle obstacle = {};
        obstacles_find(failure->code, lock_wait_last(), failure->message, &obstacle);
        if (obstacle.who[0] != '\0')
            text_print(failure->reason, sizeof(failure->reason), "%s: %s", failure->message, obstacle.who);
        text_copy(failure->hint, obstacle.hint);
        failure->passes = obstacle.passes;
        transaction_end_look(before);
        process_refuse_cancel();
    }
    PG_CATCH(); // if the search for the cause also fails, the reason has only the message
    {
        process_refuse_cancel();
        FlushErrorState();
        AbortCurrentTransaction();
        extension_forget();
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    if (failure->advice[0] != '\0')
        text_add_sentence(failure->hint, sizeof(failure->hint), failure->advice);
    text_add_sentence(failure->hint, sizeof(failure->hint),
                      "heartbeat tries again automatically. The server's log has the details.");
    lock_wait_forget();
}

} // namespace heartbeat
