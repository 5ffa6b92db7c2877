// Copies the progress of the Kafka partitions from shared memory, and sorts the copy. The functions that
// compute the state and the lag of the sources call this file.
#include "server/server.h"

#include "monitor/progress_list.h"

namespace heartbeat {

namespace {

bool is_before(const PartitionProgress &one, const PartitionKey &other) {
    return one.key.source_id != other.source_id ? one.key.source_id < other.source_id
                                                : one.key.partition < other.partition;
}

} // namespace

ProgressList progress_list_take() {
    auto room = static_cast<size_t>(shared_state_partitions_room());
    void *memory = palloc_extended(sizeof(PartitionProgress) * room, MCXT_ALLOC_NO_OOM);
    ProgressList list = {static_cast<PartitionProgress *>(memory), 0};
    if (memory == nullptr)
        return list;
    LWLockAcquire(shared_state->lock, LW_SHARED);
    shared_state_each_partition([&](const PartitionSlot &slot) {
        if (list.count < room)
            list.partitions[list.count++] = slot;
    });
    LWLockRelease(shared_state->lock);
    std::sort(list.partitions, list.partitions + list.count,
              [](const PartitionProgress &one, const PartitionProgress &other) {
                  return is_before(one, other.key);
              });
    return list;
}

void progress_list_free(ProgressList *list) {
    if (list->partitions != nullptr)
        pfree(list->partitions);
    *list = {};
}

ProgressRange progress_list_all(const ProgressList &list) {
    return {list.partitions, list.partitions + list.count};
}

ProgressRange progress_list_of(const ProgressList &list, int32_t source_id) {
    const PartitionProgress *end = list.partitions + list.count;
    auto *first = std::partition_point<const PartitionProgress *>(
        list.partitions, end, [=](const PartitionProgress &one) { return one.key.source_id < source_id; });
    auto *last = std::partition_point<const PartitionProgress *>(
        first, end, [=](const PartitionProgress &one) { return one.key.source_id == source_id; });
    return {first, last};
}

const PartitionProgress *progress_list_find(const ProgressList &list, const PartitionKey &key) {
    const PartitionProgress *end = list.partitions + list.count;
    auto *found = std::lower_bound<const PartitionProgress *>(list.partitions, end, key, is_before);
    return found != end && found->key.source_id == key.source_id && found->key.partition == key.partition
               ? found
               : nullptr;
}

} // namespace heartbeat
