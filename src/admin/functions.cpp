// Implements heartbeat_classify(), heartbeat_actor(), heartbeat_lock_source(), heartbeat_wake_workers() and
// the trigger heartbeat_rules_changed(). The file also implements commit_hooks.h, and wakes the workers when
// the transaction of a session commits.
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "decode/classify.h"
#include "monitor/shared_state.h"
#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "server/extension.h"
#include "server/persistence.h"
#include "store/pause.h"
#include "store/rollup_append.h"

extern "C" {
#include "access/xact.h"

PG_FUNCTION_INFO_V1(heartbeat_classify);
PG_FUNCTION_INFO_V1(heartbeat_actor);
PG_FUNCTION_INFO_V1(heartbeat_lock_source);
PG_FUNCTION_INFO_V1(heartbeat_wake_workers);
PG_FUNCTION_INFO_V1(heartbeat_rules_changed);
}

using namespace heartbeat;

extern "C" Datum heartbeat_classify(PG_FUNCTION_ARGS) {
    PG_RETURN_TEXT_P(cstring_to_text(heart_rate_class_name(classify_heart_rate(PG_GETARG_FLOAT8(0)))));
}

extern "C" Datum heartbeat_actor(PG_FUNCTION_ARGS) {
    if (worker_slot_is_claimed())
        PG_RETURN_NULL();
    PG_RETURN_TEXT_P(cstring_to_text(GetUserNameFromId(GetSessionUserId(), false)));
}

extern "C" Datum heartbeat_lock_source(PG_FUNCTION_ARGS) {
    Extension extension;
    if (!extension_find(&extension))
        ereport(ERROR, (errcode(ERRCODE_UNDEFINED_OBJECT),
                        errmsg("extension \"heartbeat\" is not in this database")));
    if (PG_ARGISNULL(0))
        pause_lock_all();
    else
        pause_lock_source(PG_GETARG_INT32(0));
    PG_RETURN_VOID();
}

namespace {

// These flags show which workers this transaction wakes at its commit, and why.
bool workers_wanted = false;
bool roll_up_wanted = false;
bool roll_up_later_wanted = false;
bool rules_wanted = false;

void forget() {
    workers_wanted = roll_up_wanted = roll_up_later_wanted = rules_wanted = false;
}

void tell() {
    if (workers_wanted)
        wake_all();
    if (roll_up_wanted || roll_up_later_wanted)
        wake_for_rollup(rollup_append_take());
    if (rules_wanted)
        wake_for_rules();
}

void transaction_ended(XactEvent event, void * /*argument*/) {
    switch (event) {
    case XACT_EVENT_PRE_PREPARE:
        // another session can execute COMMIT PREPARED, and that session would not wake the workers
        if (workers_wanted || roll_up_wanted || rules_wanted)
            ereport(ERROR, (errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
                            errmsg("cannot PREPARE a transaction that controls heartbeat's workers")));
        break;
    case XACT_EVENT_COMMIT:
        tell();
        forget();
        break;
    case XACT_EVENT_ABORT:
    case XACT_EVENT_PREPARE:
        forget();
        break;
    default:
        break;
    }
}

// Returns false if shared_preload_libraries does not contain heartbeat, because then there are no workers.
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

void heartbeat::commit_hooks_wake() {
    workers_wanted = register_callback();
}

void heartbeat::commit_hooks_roll_up() {
    roll_up_wanted = register_callback();
}

void heartbeat::commit_hooks_roll_up_later() {
    roll_up_later_wanted = register_callback();
}

// The SQL functions that control the workers write to a table, and also call heartbeat_wake_workers(). The
// function may call heartbeat_wake_workers() before it writes, because the workers wake only at the commit.
// heartbeat_wake_workers() raises an error if one of the extension's tables is unlogged.
extern "C" Datum heartbeat_wake_workers(PG_FUNCTION_ARGS) {
    Extension extension;
    if (extension_find(&extension))
        persistence_check();
    commit_hooks_wake();
    PG_RETURN_VOID();
}

extern "C" Datum heartbeat_rules_changed(PG_FUNCTION_ARGS) {
    rules_wanted = register_callback();
    PG_RETURN_POINTER(nullptr);
}
