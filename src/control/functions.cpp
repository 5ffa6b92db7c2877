// Control wing: heartbeat_classify(), heartbeat_actor() and heartbeat_wake_workers(), and waking the workers
// when a transaction commits.
#include "server.h"

#include "control/shared_state.h"
#include "control/wake.h"
#include "storage/minutes.h"
#include "stream/classify.h"

extern "C" {
#include "access/xact.h"

PG_FUNCTION_INFO_V1(heartbeat_classify);
PG_FUNCTION_INFO_V1(heartbeat_actor);
PG_FUNCTION_INFO_V1(heartbeat_wake_workers);
}

using namespace heartbeat;

extern "C" Datum heartbeat_classify(PG_FUNCTION_ARGS) {
    PG_RETURN_TEXT_P(cstring_to_text(classify_name(classify_heart_rate(PG_GETARG_FLOAT8(0)))));
}

extern "C" Datum heartbeat_actor(PG_FUNCTION_ARGS) {
    if (shared_state_is_claimed())
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(GetSessionUserId(), false)));
}

namespace {

bool wanted = false;
bool roll_up_wanted = false;

void transaction_ended(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        // COMMIT PREPARED may happen in a session that knows nothing of the workers
        if (wanted || roll_up_wanted)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("cannot PREPARE a transaction that steers heartbeat's workers")));
        break;
    case XACT_EVENT_COMMIT:
        if (wanted)
            shared_state_wake_all();
        if (roll_up_wanted)
            shared_state_rollup(minutes_take_appended());
        wanted = roll_up_wanted = false;
        break;
    case XACT_EVENT_ABORT:
        wanted = roll_up_wanted = false;
        break;
    default:
        break;
    }
}

// False where no worker could be told.
bool register_callback() {
    static bool registered = false;
    if (shared_state == nullptr)
        return false;
    if (!registered)
        RegisterXactCallback(transaction_ended, nullptr);
    registered = true;
    return true;
}

} // namespace

void heartbeat::wake_at_commit() {
    wanted = register_callback();
}

void heartbeat::roll_up_at_commit() {
    roll_up_wanted = register_callback();
}

extern "C" Datum heartbeat_wake_workers(PG_FUNCTION_ARGS) {
    wake_at_commit();
    PG_RETURN_VOID();
}
