// Wakes workers through their latches in shared memory. wake_all(), wake_for_rules() and similar functions
// first write to shared memory that data have changed, and then wake the workers. So a worker that is already
// awake also notices the change.
#include "server/server.h"

#include "monitor/wake.h"

namespace heartbeat {

void wake_all() {
    pg_atomic_fetch_add_u64(&shared_state->control_seen, 1);
    LWLockAcquire(shared_state->lock, LW_SHARED);
    for (WorkerSlot &worker : shared_state->workers)
        if (worker.latch != nullptr)
            SetLatch(worker.latch);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

uint64_t wake_generation() {
    return pg_atomic_read_u64(&shared_state->control_seen);
}

void wake_maintenance() {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    if (shared_state->maintenance.latch != nullptr)
        SetLatch(shared_state->maintenance.latch);
    LWLockRelease(shared_state->lock);
}

void wake_worker(int number) {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    if (shared_state->workers[number].latch != nullptr)
        SetLatch(shared_state->workers[number].latch);
    LWLockRelease(shared_state->lock);
}

void wake_for_rollup(uint32_t rows) {
    uint32_t before = pg_atomic_fetch_add_u32(&shared_state->rollup_rows, static_cast<int32>(rows));
    bool hurry = before < rollup_rows_max && before + rows >= rollup_rows_max;
    if (pg_atomic_exchange_u32(&shared_state->rollup_due, 1) == 0 || hurry)
        wake_maintenance();
}

void wake_for_rules() {
    pg_atomic_fetch_add_u64(&shared_state->rules_changed, 1);
    wake_maintenance();
}

void wake_for_arrivals() {
    if (pg_atomic_read_u32(&shared_state->rules_watch) == 1 &&
        pg_atomic_exchange_u32(&shared_state->arrived, 1) == 0)
        wake_maintenance();
}

void wake_to_watch() {
    if (pg_atomic_exchange_u32(&shared_state->watched, 1) == 0)
        wake_maintenance();
}

} // namespace heartbeat
