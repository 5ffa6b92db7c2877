// heartbeat_common_trouble() returns a row if there is a trouble that belongs to no source: an ingest worker
// does not run or has not started its work. A failing duty of the maintenance worker is also such a trouble.
// The alert rules of kind `state` use this row.
#include "server/server.h"

#include "monitor/absent_workers.h"
#include "monitor/duties.h"
#include "monitor/shown_state.h"
#include "server/compat.h"
#include "server/text.h"

extern "C" {
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_common_trouble);
PG_FUNCTION_INFO_V1(heartbeat_maintenance_started);
}

namespace heartbeat {

namespace {

// Finds the most severe state of the worker processes. A worker that has sources reports RUNNING, even if one
// of its sources has trouble. Call this function while you hold the lock of shared memory.
bool find_processes(ShownState *shown, MonotonicTime now) {
    int workers = 0;
    bool found = false;
    for (const WorkerSlot &worker : shared_state->workers) {
        if (worker.pid == 0)
            continue;
        workers++;
        if (worker.shown.state == WorkerState::running || (found && worker.shown.state <= shown->state))
            continue;
        *shown = worker.shown;
        found = true;
    }
    bool is_severe = found && workers > 0 && shown->state >= WorkerState::retrying;
    found = (!is_severe && absent_workers_find(workers, now, shown)) || found;
    shown->since = absent_workers_since();
    return found;
}

// If all workers run, but one has been RUNNING for less than ten seconds, the trouble may not be over: the
// worker can end again. The function adds these ten seconds to `since`, so that a rule raises no alert after
// a trouble that was shorter than the rule's period.
bool still_settles(ShownState *shown) {
    if (shown->since == 0)
        return false;
    shown->state = WorkerState::connecting;
    shown->since += shown_state_settles;
    text_copy(shown->reason, "an ingest worker is starting, or started less than ten seconds ago");
    return true;
}

void put_row(ReturnSetInfo *result, WorkerState state, TimestampTz since, const char *reason,
             const char *duty) {
    Datum values[] = {CStringGetTextDatum(shared_state_name(state)), TimestampTzGetDatum(since),
                      CStringGetTextDatum(reason), duty == nullptr ? 0 : CStringGetTextDatum(duty)};
    bool nulls[] = {false, since == 0, *reason == '\0', duty == nullptr};
    tuplestore_putvalues(result->setResult, result->setDesc, values, nulls);
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_common_trouble(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    if (!shared_state_serves_database())
        return static_cast<Datum>(0);
    auto *shown = static_cast<ShownState *>(palloc0(sizeof(ShownState)));
    auto *trouble = static_cast<DutyTrouble *>(palloc0(sizeof(DutyTrouble)));
    MonotonicTime now = monotonic_now();
    LWLockAcquire(shared_state->lock, LW_SHARED);
    bool in_processes = find_processes(shown, now);
    bool in_duties = duties_find_trouble(trouble, now);
    LWLockRelease(shared_state->lock);
    if (in_processes && in_duties)
        shown->since = std::min(shown->since, trouble->since);
    const char *duty = in_duties ? trouble->name : nullptr;
    if (in_processes)
        put_row(result, shown->state, shown->since, shown->reason, duty);
    else if (in_duties)
        put_row(result, WorkerState::retrying, trouble->since, trouble->reason, duty);
    else if (still_settles(shown))
        put_row(result, shown->state, shown->since, shown->reason, nullptr);
    return static_cast<Datum>(0);
}

extern "C" Datum heartbeat_maintenance_started(PG_FUNCTION_ARGS) {
    TimestampTz started_at = 0;
    if (shared_state_serves_database()) {
        LWLockAcquire(shared_state->lock, LW_SHARED);
        started_at = monotonic_to_timestamptz(shared_state->maintenance.started_at);
        LWLockRelease(shared_state->lock);
    }
    if (started_at == 0)
        PG_RETURN_NULL();
    PG_RETURN_TIMESTAMPTZ(started_at);
}
