// Control wing: the SQL functions that are a call into the other wings: classify and wake.
#include "server.h"

#include "control/shared_state.h"
#include "stream/classify.h"

extern "C" {
#include "access/xact.h"

PG_FUNCTION_INFO_V1(heartbeat_classify);
PG_FUNCTION_INFO_V1(heartbeat_wake_workers);
}

using namespace heartbeat;

extern "C" Datum heartbeat_classify(PG_FUNCTION_ARGS) {
    PG_RETURN_TEXT_P(cstring_to_text(classify_name(classify_heart_rate(PG_GETARG_FLOAT8(0)))));
}

namespace {

bool wake_at_commit = false;

void transaction_ended(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        // COMMIT PREPARED may happen in a session that knows nothing of the workers
        if (wake_at_commit)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("cannot PREPARE a transaction that steers heartbeat's workers")));
        break;
    case XACT_EVENT_COMMIT:
        if (wake_at_commit)
            shared_state_wake_all();
        wake_at_commit = false;
        break;
    case XACT_EVENT_ABORT:
        wake_at_commit = false;
        break;
    default:
        break;
    }
}

} // namespace

extern "C" Datum heartbeat_wake_workers(PG_FUNCTION_ARGS) {
    static bool registered = false;
    if (shared_state != nullptr) {
        if (!registered)
            RegisterXactCallback(transaction_ended, nullptr);
        registered = true;
        wake_at_commit = true;
    }
    PG_RETURN_VOID();
}
