// Writes the reports of a process of heartbeat to the process's slot in shared memory. The slot has the
// state, the last error, the activity, and the lock that the process waits for. Only the process itself
// writes its slot.
#include "server/server.h"

#include "monitor/absent_workers.h"
#include "monitor/shown_state.h"
#include "monitor/worker_slot.h"
#include "server/text.h"

#include <cstring>

extern "C" {
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

WorkerSlot *own_slot = nullptr;

bool is_ingest_worker(const WorkerSlot &slot) {
    return &slot >= shared_state->workers && &slot < shared_state->workers + settings.workers;
}

void release_slot(int /*code*/, Datum /*argument*/) {
    shared_state_forget_partitions(any_source);
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    if (is_ingest_worker(*own_slot))
        absent_workers_begin(true);
    own_slot->pid = 0;
    own_slot->ended_at = monotonic_now();
    own_slot->latch = nullptr;
    if (shared_state->launcher.latch != nullptr)
        SetLatch(shared_state->launcher.latch);
    pg_atomic_write_u32(&shared_state->reported, 1);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

// If a killed worker has left source slots in use, frees these slots. Call this function while you hold the
// lock.
void clear_sources(const WorkerSlot &slot) {
    if (is_ingest_worker(slot))
        shared_state_each_source(slot, [](SourceSlot &source) { source.used = false; });
}

} // namespace

bool worker_slot_claim(WorkerSlot *slot) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    bool taken = slot->pid != 0;
    if (!taken) {
        memset(static_cast<void *>(slot), 0, sizeof(*slot));
        slot->pid = MyProcPid;
        slot->latch = MyLatch;
        slot->started_at = monotonic_now();
        shown_state_begin(&slot->shown);
        // this state stays until the process reports its own state
        slot->shown.state = WorkerState::connecting;
        text_copy(slot->shown.reason, starting_reason);
        clear_sources(*slot);
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
    if (is_ingest_worker(*slot) && state != WorkerState::running &&
        slot->shown.state == WorkerState::running) {
        LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
        absent_workers_begin(false);
        LWLockRelease(shared_state->lock);
    }
    if (shown_state_set(&slot->shown, state, reason, hint) && state != WorkerState::running)
        shown_state_log(slot->shown, "");
}

void worker_slot_error(WorkerSlot *slot, const char *message) {
    shown_state_error(&slot->shown, message);
}

void worker_slot_await(const AwaitedLock &awaited) {
    if (own_slot == nullptr)
        return;
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    own_slot->awaited = awaited;
    LWLockRelease(shared_state->lock);
}

void worker_slot_doing(WorkerSlot *slot, WorkerActivity activity, long milliseconds) {
    MonotonicTime now = monotonic_now();
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    slot->activity = activity;
    slot->back_at = milliseconds < 0 ? 0 : now + milliseconds * INT64CONST(1000);
    LWLockRelease(shared_state->lock);
}

const char *worker_slot_activity_name(const WorkerSlot &slot) {
    // in the order of WorkerActivity
    static const char *const names[] = {"starting",
                                        "waiting for messages",
                                        "reading the pauses and the sources from the database",
                                        "closing a Kafka client",
                                        "consuming messages from Kafka",
                                        "comparing the stored offsets with the offsets in Kafka",
                                        "storing a batch"};
    return names[static_cast<int>(slot.activity)];
}

} // namespace heartbeat
