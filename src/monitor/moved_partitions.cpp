// Keeps the moved Kafka partitions in a hash table in shared memory. A Kafka partition is moved while a
// worker other than its home worker reads it. The home worker of a Kafka partition is the worker that reads
// the partition before any worker hands the partition over.
#include "server/server.h"

#include "monitor/moved_partitions.h"

namespace heartbeat {

namespace {

MovedPartition *find(const PartitionKey &key, HASHACTION action) {
    return static_cast<MovedPartition *>(hash_search(shared_moves, &key, action, nullptr));
}

// Gives the slot of the Kafka partition to the process `pid`. The offsets in the slot do not change, so the
// lag of the Kafka partition stays known.
void give_slot(const PartitionKey &key, pid_t pid) {
    auto *slot = static_cast<PartitionSlot *>(hash_search(shared_partitions, &key, HASH_FIND, nullptr));
    if (slot == nullptr)
        return;
    slot->pid = pid;
    slot->state = PartitionState::asked;
}

pg_atomic_uint64 *generation_of(int32_t source_id) {
    return &shared_state->moves_of[static_cast<uint32_t>(source_id) % moves_counters];
}

// Tells the readers of this source that its Kafka partitions have moved. They then ask Kafka about the topic,
// so do not call this function without a move.
void tell_readers(int32_t source_id) {
    pg_atomic_fetch_add_u64(generation_of(source_id), 1);
    pg_atomic_fetch_add_u64(&shared_state->moves, 1);
}

} // namespace

int moved_partitions_worker(PartitionKey partition, int home) {
    LWLockAcquire(shared_state->lock, LW_SHARED);
    const MovedPartition *moved = find(partition, HASH_FIND);
    int worker = moved != nullptr ? moved->worker : home;
    LWLockRelease(shared_state->lock);
    return worker;
}

uint64_t moved_partitions_generation() {
    return pg_atomic_read_u64(&shared_state->moves);
}

uint64_t moved_partitions_generation_of(int32_t source_id) {
    return pg_atomic_read_u64(generation_of(source_id));
}

bool moved_partitions_set(PartitionKey partition, int home, int worker) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    MovedPartition *moved = nullptr;
    if (worker == home)
        find(partition, HASH_REMOVE);
    else if (hash_get_num_entries(shared_moves) < shared_state_partitions_room() ||
             find(partition, HASH_FIND) != nullptr)
        moved = find(partition, HASH_ENTER_NULL);
    if (moved != nullptr)
        moved->worker = worker;
    bool done = worker == home || moved != nullptr;
    if (done) {
        give_slot(partition, shared_state->workers[worker].pid);
        tell_readers(partition.source_id);
    }
    LWLockRelease(shared_state->lock);
    return done;
}

void moved_partitions_forget(int32_t source_id, int worker) {
    LWLockAcquire(shared_state->lock, LW_EXCLUSIVE);
    HASH_SEQ_STATUS status;
    hash_seq_init(&status, shared_moves);
    bool moves = false;
    while (auto *moved = static_cast<MovedPartition *>(hash_seq_search(&status))) {
        if (moved->key.source_id != source_id || moved->worker != worker)
            continue;
        find(moved->key, HASH_REMOVE);
        moves = true;
    }
    if (moves)
        tell_readers(source_id);
    LWLockRelease(shared_state->lock);
}

} // namespace heartbeat
