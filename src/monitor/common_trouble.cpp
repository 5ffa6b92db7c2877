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

// Finds the most severe state of the worker processes. A worker that has sources reports RUNNING: the states
// of its sources are no common trouble. If some workers are still starting, and another worker reports a
// trouble, this trouble tells a person more than "the workers are starting". Call this function while you
// hold the lock of shared memory.
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
    ShownState absent = {};
    if ((found && shown->state >= WorkerState::retrying) || !absent_workers_find(workers, now, &absent))
        return found;
    if (!found || absent.state != WorkerState::connecting)
        *shown = absent;
    return true;
}

// All workers run, but the trouble that began at `since` may not be over: a worker can end again and again.
// Returns the time at which a trouble of the same length would have begun if it lasted until now. The length
// is the time from the beginning of the trouble to the last end of a worker. So a rule raises no alert after
// a worker has ended only once, or after the start of the server.
MonotonicTime settles_since(MonotonicTime since, MonotonicTime now) {
    return now - (std::max(since, shared_state->worker_ended_at) - since);
}

void put_row(ReturnSetInfo *result, WorkerState state, MonotonicTime since, const char *reason,
             const char *duty) {
    Datum values[] = {CStringGetTextDatum(shared_state_name(state)),
                      TimestampTzGetDatum(monotonic_to_timestamptz(since)), CStringGetTextDatum(reason),
                      duty == nullptr ? 0 : CStringGetTextDatum(duty)};
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
    MonotonicTime since = absent_workers_since(now);
    if (!in_processes && since != 0)
        since = settles_since(since, now);
    LWLockRelease(shared_state->lock);
    const char *duty = in_duties ? trouble->name : nullptr;
    if (in_duties && (since == 0 || trouble->since.clock < since))
        since = trouble->since.clock;
    // the failure of a duty tells a person more than "the workers are starting"
    if (in_processes && !(in_duties && shown->state == WorkerState::connecting))
        put_row(result, shown->state, since, shown->reason, duty);
    else if (in_duties)
        put_row(result, WorkerState::retrying, since, trouble->reason, duty);
    else if (since != 0)
        put_row(result, WorkerState::connecting, since,
                "an ingest worker is starting, or has run for less than a minute", nullptr);
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
