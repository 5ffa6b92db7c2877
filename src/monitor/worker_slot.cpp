// Writes the reports of a process of heartbeat to its slot in shared memory: its state, its last error, its
// activity and the lock that it waits for. Only the process itself writes its slot. When the state changes,
// it wakes the maintenance worker and writes the change to the log.
#include "server/server.h"

#include "monitor/wake.h"
#include "monitor/worker_slot.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "pgstat.h"
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

WorkerSlot *own_slot = nullptr;

void release_slot(int /*code*/, Datum /*argument*/) {
    shared_state_forget_partitions();
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    own_slot->pid = 0;
    own_slot->ended_at = GetCurrentTimestamp();
    own_slot->latch = nullptr;
    if (shared_state->launcher.latch != nullptr)
        SetLatch(shared_state->launcher.latch);
    pg_atomic_write_u32(&shared_state->reported, 1);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

// Call it with the lock held.
void count_change() {
    WorkerState worst = WorkerState::stopped;
    for (const WorkerSlot &worker : shared_state->workers)
        if (worker.pid != 0)
            worst = std::max(worst, worker.state);
    if (worst != shared_state->worst)
        shared_state->changes++;
    shared_state->worst = worst;
}

void copy_text(char *to, const char *from) {
    text_copy(to, state_text_size, from == nullptr ? "" : from);
}

} // namespace

bool worker_slot_claim(WorkerSlot *slot) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    bool taken = slot->pid != 0;
    if (!taken) {
        memset(static_cast<void *>(slot), 0, sizeof(*slot));
        slot->pid = MyProcPid;
        slot->latch = MyLatch;
        slot->started_at = slot->since = GetCurrentTimestamp();
        slot->state = WorkerState::connecting; // until the process reports its own state
        copy_text(slot->reason, starting_reason);
    }
    LWLockRelease(shared_state->lock);
    if (taken)
        return false;
    own_slot = slot;
    before_shmem_exit(release_slot, 0);
    return true;
}

bool worker_slot_is_claimed() {
    return own_slot != nullptr;
}

void worker_slot_report(WorkerSlot *slot, WorkerState state, const char *reason, const char *hint) {
    // only this process writes its slot, so it may read it without the lock
    char reason_now[state_text_size];
    copy_text(reason_now, reason);
    if (slot->state == state && strcmp(slot->reason, reason_now) == 0)
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->state = state;
    slot->since = GetCurrentTimestamp();
    copy_text(slot->reason, reason);
    copy_text(slot->hint, hint);
    count_change();
    LWLockRelease(shared_state->lock);
    pg_atomic_write_u32(&shared_state->reported, 1);
    wake_maintenance();
    pgstat_report_activity(STATE_IDLE, *reason_now == '\0' ? shared_state_name(state) : reason_now);
    if (slot == &shared_state->launcher && state == WorkerState::running)
        return; // the launcher has started the workers, and they report their own states
    bool trouble = state == WorkerState::failed || state == WorkerState::retrying;
    ereport(trouble ? WARNING : LOG, (errcode(trouble ? ERRCODE_WARNING : ERRCODE_SUCCESSFUL_COMPLETION),
                                      errmsg("heartbeat: %s%s%s", shared_state_name(state),
                                             *reason_now == '\0' ? "" : ": ", reason_now),
                                      hint == nullptr ? 0 : errhint("%s", hint), errhidecontext(true)));
}

void worker_slot_throttled(WorkerSlot *slot, const char *broker, int milliseconds, TimestampTz until) {
    // only this process writes its slot, so it may read it without the lock
    TimestampTz now = GetCurrentTimestamp();
    bool begins = slot->throttled_until < now;
    bool tell = slot->throttled_until + USECS_PER_MINUTE < now;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    if (begins)
        slot->throttled_since = now;
    slot->throttled_until = until;
    slot->throttled_ms = milliseconds;
    text_copy(slot->throttled_by, broker);
    LWLockRelease(shared_state->lock);
    if (begins) {
        pg_atomic_write_u32(&shared_state->reported, 1);
        wake_maintenance();
    }
    if (tell)
        ereport(LOG, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                      errmsg("heartbeat: broker %s throttles the worker by a quota", slot->throttled_by),
                      errhidecontext(true)));
}

void worker_slot_error(WorkerSlot *slot, const char *message) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    copy_text(slot->last_error, message);
    slot->last_error_at = GetCurrentTimestamp();
    LWLockRelease(shared_state->lock);
}

void worker_slot_await(const AwaitedLock &awaited) {
    if (own_slot == nullptr)
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    own_slot->awaited = awaited;
    LWLockRelease(shared_state->lock);
}

void worker_slot_doing(WorkerSlot *slot, WorkerActivity activity, long milliseconds) {
    TimestampTz now = GetCurrentTimestamp();
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->activity = activity;
    slot->active_since = now;
    slot->back_at = milliseconds < 0 ? 0 : now + milliseconds * INT64CONST(1000);
    LWLockRelease(shared_state->lock);
}

} // namespace heartbeat
