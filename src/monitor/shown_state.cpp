// Writes states to shared memory and to the log. A change of state wakes the maintenance worker.
#include "server/server.h"

#include "monitor/shown_state.h"
#include "monitor/wake.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "pgstat.h"
}

namespace heartbeat {

namespace {

constexpr MonotonicTime settles = 10 * USECS_PER_SEC;

void copy_text(char *to, const char *from) {
    text_copy(to, state_text_size, from == nullptr ? "" : from);
}

// Call this function while you hold the lock.
void count_change() {
    WorkerState worst = shown_state_worst();
    if (worst != shared_state->worst)
        shared_state->changes++;
    shared_state->worst = worst;
}

void set_times(ShownState *shown, WorkerState state) {
    bool ran = shown->state == WorkerState::running, runs = state == WorkerState::running;
    Moment now = moment_now();
    shown->since = now.shown;
    if (runs && !ran)
        shown->running_since = now.clock;
    if (shown->state == WorkerState::paused || (ran && !runs && shown_state_has_settled(*shown, now.clock)))
        shown->not_running_since = now.clock;
}

} // namespace

void shown_state_begin(ShownState *shown) {
    Moment now = moment_now();
    shown->since = now.shown;
    shown->running_since = shown->not_running_since = now.clock;
}

bool shown_state_has_settled(const ShownState &shown, MonotonicTime now) {
    return shown.state == WorkerState::running && now >= shown.running_since + settles;
}

bool shown_state_set(ShownState *shown, WorkerState state, const char *reason, const char *hint) {
    // only this process writes the state, so this process can read the state without the lock
    char reason_now[state_text_size];
    copy_text(reason_now, reason);
    if (shown->state == state && strcmp(shown->reason, reason_now) == 0)
        return false;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    set_times(shown, state);
    shown->state = state;
    copy_text(shown->reason, reason);
    copy_text(shown->hint, hint);
    count_change();
    LWLockRelease(shared_state->lock);
    pg_atomic_write_u32(&shared_state->reported, 1);
    wake_maintenance();
    pgstat_report_activity(STATE_IDLE, *reason_now == '\0' ? shared_state_name(state) : reason_now);
    return true;
}

void shown_state_log(const ShownState &shown, const char *whose) {
    bool trouble = shown.state == WorkerState::failed || shown.state == WorkerState::retrying;
    ereport(trouble ? WARNING : LOG,
            (errcode(trouble ? ERRCODE_WARNING : ERRCODE_SUCCESSFUL_COMPLETION),
             errmsg("heartbeat: %s%s%s%s", whose, shared_state_name(shown.state),
                    shown.reason[0] == '\0' ? "" : ": ", shown.reason),
             shown.hint[0] == '\0' ? 0 : errhint("%s", shown.hint), errhidecontext(true)));
}

void shown_state_error(ShownState *shown, const char *message) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    copy_text(shown->last_error, message);
    shown->last_error_at = GetCurrentTimestamp();
    LWLockRelease(shared_state->lock);
}

WorkerState shown_state_worst() {
    WorkerState worst = WorkerState::stopped;
    for (const WorkerSlot &worker : shared_state->workers) {
        if (worker.pid == 0)
            continue;
        if (worker.shown.state != WorkerState::running)
            worst = std::max(worst, worker.shown.state);
        shared_state_each_source(
            worker, [&](const SourceSlot &source) { worst = std::max(worst, source.shown.state); });
    }
    return worst;
}

} // namespace heartbeat
