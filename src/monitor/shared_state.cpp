// Allocates the shared memory, and returns the names of the states. One lock protects the shared memory. A
// process holds this lock only while it copies data. worker_slot.cpp and worker_stats.cpp write to the
// memory, and wake.cpp wakes the processes that read it.
#include "server/server.h"

#include "monitor/shared_state.h"
#include "server/compat.h"

#include <cstring>

extern "C" {
#include "commands/dbcommands.h"
#include "storage/ipc.h"
#include "storage/shmem.h"
}

namespace heartbeat {

SharedState *shared_state = nullptr;

namespace {

constexpr char tranche[] = "heartbeat";

shmem_startup_hook_type previous_startup_hook = nullptr;

void request_memory() {
    RequestAddinShmemSpace(MAXALIGN(sizeof(SharedState)));
    RequestNamedLWLockTranche(tranche, 1);
}

void set_up_memory() {
    if (previous_startup_hook != nullptr)
        previous_startup_hook();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    bool found;
    shared_state = static_cast<SharedState *>(ShmemInitStruct("heartbeat", sizeof(SharedState), &found));
    if (!found) {
        memset(static_cast<void *>(shared_state), 0, sizeof(SharedState));
        shared_state->lock = &GetNamedLWLockTranche(tranche)->lock;
        pg_atomic_init_u64(&shared_state->control_seen, 0);
        pg_atomic_init_u32(&shared_state->rollup_due, 0);
        pg_atomic_init_u32(&shared_state->rollup_rows, 0);
        pg_atomic_init_u64(&shared_state->rules_changed, 0);
        pg_atomic_init_u32(&shared_state->rules_watch, 0);
        pg_atomic_init_u32(&shared_state->arrived, 0);
        pg_atomic_init_u32(&shared_state->silence, 0);
        pg_atomic_init_u32(&shared_state->watched, 0);
        pg_atomic_init_u32(&shared_state->reported, 0);
        pg_atomic_init_u64(&shared_state->announcements_dropped, 0);
        pg_atomic_init_u64(&shared_state->drops_told_at, 0);
        for (PartitionSlot &partition : shared_state->partitions)
            partition.high_watermark = partition.next_offset = -1;
    }
    LWLockRelease(AddinShmemInitLock);
}

} // namespace

const char *shared_state_name(WorkerState state) {
    static const char *const names[] = {"STOPPED",    "PAUSED",   "RUNNING", "STALLED",
                                        "CONNECTING", "RETRYING", "FAILED"};
    return names[static_cast<int>(state)];
}

const char *shared_state_name(PartitionState state) {
    static const char *const names[] = {"", "READING", "AWAY", "ASKED", "PAUSED"};
    return names[static_cast<int>(state)];
}

void shared_state_request() {
    previous_startup_hook = shmem_startup_hook;
    shmem_startup_hook = set_up_memory;
    when_memory_is_requested(request_memory);
}

bool shared_state_serves_database() {
    return shared_state != nullptr && strcmp(get_database_name(MyDatabaseId), settings.database) == 0;
}

void shared_state_forget_partitions() {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    for (PartitionSlot &partition : shared_state->partitions)
        if (partition.pid == MyProcPid)
            partition = {-1, -1, 0, -1, 0, 0, PartitionState::none, ""};
    LWLockRelease(shared_state->lock);
}

uint64_t shared_state_announcement_dropped() {
    if (shared_state == nullptr)
        return 0;
    uint64_t dropped = pg_atomic_fetch_add_u64(&shared_state->announcements_dropped, 1) + 1;
    auto now = static_cast<uint64_t>(GetCurrentTimestamp());
    uint64_t told_at = pg_atomic_read_u64(&shared_state->drops_told_at);
    bool due = told_at == 0 || now > told_at + USECS_PER_MINUTE;
    return due && pg_atomic_compare_exchange_u64(&shared_state->drops_told_at, &told_at, now) ? dropped : 0;
}

} // namespace heartbeat
