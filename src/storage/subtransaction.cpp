// Storage wing: the server's idiom for catching an error, as PL/pgSQL's EXCEPTION blocks use it.
#include "server.h"

#include "storage/subtransaction.h"

extern "C" {
#include "access/xact.h"
#include "utils/resowner.h"
}

namespace heartbeat {

bool subtransaction_is_row_error(const ErrorData *error) {
    int category = ERRCODE_TO_CATEGORY(error->sqlerrcode);
    if (error->sqlerrcode == ERRCODE_CHECK_VIOLATION && error->constraint_name == nullptr)
        return false;
    return category == ERRCODE_DATA_EXCEPTION || category == ERRCODE_INTEGRITY_CONSTRAINT_VIOLATION ||
           category == ERRCODE_PLPGSQL_ERROR || category == ERRCODE_WITH_CHECK_OPTION_VIOLATION;
}

bool subtransaction_try(void (*work)(void *argument), void *argument,
                        bool (*expected)(const ErrorData *error), CaughtError *caught) {
    MemoryContext context = CurrentMemoryContext;
    ResourceOwner owner = CurrentResourceOwner;
    volatile bool done = false;
    BeginInternalSubTransaction(nullptr);
    MemoryContextSwitchTo(context);
    PG_TRY();
    {
        work(argument);
        ReleaseCurrentSubTransaction();
        done = true;
    }
    PG_CATCH();
    {
        MemoryContextSwitchTo(context);
        ErrorData *error = CopyErrorData();
        FlushErrorState();
        RollbackAndReleaseCurrentSubTransaction();
        MemoryContextSwitchTo(context);
        CurrentResourceOwner = owner;
        if (!expected(error))
            ReThrowError(error);
        strlcpy(caught->sqlstate, unpack_sql_state(error->sqlerrcode), sizeof(caught->sqlstate));
        strlcpy(caught->message, error->message, sizeof(caught->message));
        FreeErrorData(error);
    }
    PG_END_TRY();
    MemoryContextSwitchTo(context);
    CurrentResourceOwner = owner;
    return done;
}

} // namespace heartbeat
