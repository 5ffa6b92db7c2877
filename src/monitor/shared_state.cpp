// Allocates the shared memory, and returns the names of the states. One lock protects the shared memory. A
// process holds this lock only while it copies data. Other files of src/monitor write to the memory (for
// example worker_slot.cpp and worker_stats.cpp), and wake.cpp wakes the processes that read from the memory.
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
HTAB *shared_partitions = nullptr;
HTAB *shared_moves = nullptr;

namespace {

constexpr char tranche[] = "heartbeat";

shmem_startup_hook_type previous_startup_hook = nullptr;

Size sources_size() {
    return mul_size(sizeof(SourceSlot),
                    mul_size(static_cast<Size>(settings.workers), static_cast<Size>(settings.max_sources)));
}

void request_memory() {
    RequestAddinShmemSpace(add_size(MAXALIGN(sizeof(SharedState)), sources_size()));
    RequestAddinShmemSpace(hash_estimate_size(shared_state_partitions_room(), sizeof(PartitionSlot)));
    RequestAddinShmemSpace(hash_estimate_size(shared_state_partitions_room(), sizeof(MovedPartition)));
    RequestNamedLWLockTranche(tranche, 1);
}

// Makes a hash table in shared memory. The key of its elements is a PartitionKey.
HTAB *make_table(const char *name, Size element_size) {
    HASHCTL control = {};
    control.keysize = sizeof(PartitionKey);
    control.entrysize = element_size;
    return ShmemInitHash(name, shared_state_partitions_room(), shared_state_partitions_room(), &control,
                         HASH_ELEM | HASH_BLOBS);
}

void set_up_memory() {
    if (previous_startup_hook != nullptr)
        previous_startup_hook();
    LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
    bool found;
    Size size = add_size(MAXALIGN(sizeof(SharedState)), sources_size());
    shared_state = static_cast<SharedState *>(ShmemInitStruct("heartbeat", size, &found));
    if (!found) {
        memset(static_cast<void *>(shared_state), 0, size);
        shared_state->sources = reinterpret_cast<SourceSlot *>(reinterpret_cast<char *>(shared_state) +
                                                               MAXALIGN(sizeof(SharedState)));
        shared_state->started_at = monotonic_now();
        shared_state->absent_since = shared_state->started_at;
        shared_state->lock = &GetNamedLWLockTranche(tranche)->lock;
        pg_atomic_init_u64(&shared_state->control_seen, 0);
        pg_atomic_init_u64(&shared_state->moves, 0);
        for (pg_atomic_uint64 &moves : shared_state->moves_of)
            pg_atomic_init_u64(&moves, 0);
        pg_atomic_init_u32(&shared_state->rollup_due, 0);
        pg_atomic_init_u32(&shared_state->rollup_rows, 0);
        pg_atomic_init_u64(&shared_state->rules_changed, 0);
        pg_atomic_init_u32(&shared_state->rules_watch, 0);
        pg_atomic_init_u32(&shared_state->arrived, 0);
        pg_atomic_init_u32(&shared_state->silence, 0);
        pg_atomic_init_u32(&shared_state->watched, 0);
        pg_atomic_init_u32(&shared_state->reported, 0);
        pg_atomic_init_u32(&shared_state->packing, 0);
        pg_atomic_init_u64(&shared_state->announcements_dropped, 0);
        pg_atomic_init_u64(&shared_state->drops_told_at, 0);
    }
    shared_partitions = make_table("heartbeat partitions", sizeof(PartitionSlot));
    shared_moves = make_table("heartbeat moved partitions", sizeof(MovedPartition));
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

long shared_state_partitions_room() {
    return partitions_shown_min + static_cast<long>(settings.max_sources) * partitions_shown_of_source;
}

SourceSlot *shared_state_sources(const WorkerSlot &worker) {
    return shared_state->sources + (&worker - shared_state->workers) * settings.max_sources;
}

void shared_state_forget_partitions(int32_t source_id) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    shared_state_each_partition([=](PartitionSlot &slot) {
        if (slot.pid == MyProcPid && (source_id == any_source || slot.key.source_id == source_id))
            hash_search(shared_partitions, &slot.key, HASH_REMOVE, nullptr);
    });
    LWLockRelease(shared_state->lock);
}

uint64_t shared_state_announcement_dropped() {
    if (shared_state == nullptr)
        return 0;
    uint64_t dropped = pg_atomic_fetch_add_u64(&shared_state->announcements_dropped, 1) + 1;
    auto now = static_cast<uint64_t>(monotonic_now());
    uint64_t told_at = pg_atomic_read_u64(&shared_state->drops_told_at);
    bool due = told_at == 0 || now > told_at + USECS_PER_MINUTE;
    return due && pg_atomic_compare_exchange_u64(&shared_state->drops_told_at, &told_at, now) ? dropped : 0;
}

} // namespace heartbeat
