// heartbeat_common_trouble() returns a row for each trouble that belongs to no source: an ingest worker does
// not run or has not started its work, or a duty of the maintenance worker fails. The alert rules of kind
// `state` use these rows.
#include "server/server.h"

#include "monitor/absent_workers.h"
#include "monitor/duties.h"
#include "monitor/shared_state.h"
#include "server/compat.h"

extern "C" {
#include "utils/tuplestore.h"

PG_FUNCTION_INFO_V1(heartbeat_common_trouble);
}

namespace heartbeat {

namespace {

// Returns the time of the last start or end of an ingest worker.
MonotonicTime last_change() {
    MonotonicTime last = shared_state->started_at;
    for (int i = 0; i < settings.workers; i++)
        last = std::max({last, shared_state->workers[i].started_at, shared_state->workers[i].ended_at});
    return last;
}

// Finds the most severe state of the worker processes. A worker that has sources reports RUNNING: the states
// of its sources are no common trouble. Call this function while you hold the lock of shared memory.
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
        shown->since = worker.shown.not_running_since;
        found = true;
    }
    if ((found && workers > 0 && shown->state >= WorkerState::retrying) ||
        !absent_workers_find(workers, now, shown))
        return found;
    if (shown->since == 0)
        shown->since = monotonic_to_timestamptz(last_change());
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
    if (in_processes)
        put_row(result, shown->state, shown->since, shown->reason, nullptr);
    if (in_duties)
        put_row(result, WorkerState::retrying, trouble->since, trouble->reason, trouble->name);
    return static_cast<Datum>(0);
}
