// Says why ingest workers do not run, and since when. The workers may be starting, or may end again and
// again. The launcher may fail to start them, or may not run.
#include "server/server.h"

#include "monitor/absent_workers.h"
#include "monitor/shown_state.h"
#include "server/text.h"

namespace heartbeat {

namespace {

// The server needs some time to start the launcher, and the launcher needs some time to start the workers.
// After this time, heartbeat_status shows STOPPED if the launcher does not run, and RETRYING if an ingest
// worker does not run.
constexpr MonotonicTime start_takes = 10 * USECS_PER_SEC;

// During this time after the end of a worker, heartbeat_status shows CONNECTING and no trouble. The launcher
// restarts a worker that has run for some time at once. Also, when the server shuts down, an ingest worker
// can end some milliseconds before the maintenance worker.
constexpr MonotonicTime restart_takes = 1 * USECS_PER_SEC;

// A worker that has ended can end again. After this time without an end, the trouble is over.
constexpr MonotonicTime may_end_again = 1 * USECS_PER_MINUTE;

void set(ShownState *shown, WorkerState state, TimestampTz since, const char *reason, const char *hint) {
    shown->state = state;
    shown->since = since;
    text_copy(shown->reason, reason);
    text_copy(shown->hint, hint);
}

// Returns the time at which the last ingest worker ended, or 0 if no ingest worker has ended.
MonotonicTime last_end() {
    MonotonicTime last = 0;
    for (int i = 0; i < settings.workers; i++)
        last = std::max(last, shared_state->workers[i].ended_at);
    return last;
}

} // namespace

bool absent_workers_find(int workers, MonotonicTime now, ShownState *shown) {
    const WorkerSlot &launcher = shared_state->launcher;
    if (workers == settings.workers)
        return false;
    // the launcher has reported why it cannot start the workers
    bool in_trouble = launcher.shown.state == WorkerState::stopped && launcher.shown.reason[0] != '\0';
    bool starting =
        !in_trouble && (now < std::max(shared_state->started_at, launcher.started_at) + start_takes ||
                        now < last_end() + restart_takes);
    if (starting) {
        set(shown, WorkerState::connecting, launcher.shown.since, starting_reason, "");
    } else if (workers == 0 && in_trouble) {
        set(shown, WorkerState::stopped, launcher.shown.since, launcher.shown.reason, launcher.shown.hint);
    } else if (workers == 0 && launcher.pid == 0) {
        set(shown, WorkerState::stopped, monotonic_to_timestamptz(shared_state->started_at),
            no_process_reason, no_process_hint);
    } else {
        char reason[state_text_size];
        text_print(reason, sizeof(reason), "%d of %d workers run%s%s", workers, settings.workers,
                   in_trouble ? ": " : "", in_trouble ? launcher.shown.reason : "");
        set(shown, WorkerState::retrying, workers == 0 ? monotonic_to_timestamptz(last_end()) : 0, reason,
            in_trouble ? launcher.shown.hint : "The server's log says why a worker has ended.");
    }
    return true;
}

MonotonicTime absent_workers_since(MonotonicTime now) {
    const WorkerSlot *workers = shared_state->workers;
    bool ended = shared_state->worker_ended_at != 0 && now < shared_state->worker_ended_at + may_end_again;
    bool settled = !ended && std::all_of(workers, workers + settings.workers, [=](const WorkerSlot &worker) {
        return worker.pid != 0 && shown_state_has_settled(worker.shown, now);
    });
    return settled ? 0 : shared_state->absent_since;
}

void absent_workers_begin(bool ends) {
    MonotonicTime now = monotonic_now();
    if (absent_workers_since(now) == 0)
        shared_state->absent_since = now;
    if (ends)
        shared_state->worker_ended_at = now;
}

} // namespace heartbeat
