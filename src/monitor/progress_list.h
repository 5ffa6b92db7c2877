// Copies the progress of all Kafka partitions from shared memory to the memory of the process, and sorts the
// copy by source and partition. So a caller finds a Kafka partition, or all Kafka partitions of a source,
// without a search through all Kafka partitions.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

struct ProgressList {
    PartitionProgress *partitions;
    size_t count;
};

struct ProgressRange {
    const PartitionProgress *first;
    const PartitionProgress *last;

    const PartitionProgress *begin() const { return first; }
    const PartitionProgress *end() const { return last; }
};

// The function takes the lock of shared memory, so do not call the function while you hold this lock. If no
// memory is left, the function returns an empty list instead of an error, because an error outside of a
// PG_TRY block would end a worker. Call progress_list_free() after use.
ProgressList progress_list_take();
void progress_list_free(ProgressList *list);

ProgressRange progress_list_all(const ProgressList &list);
ProgressRange progress_list_of(const ProgressList &list, int32_t source_id);

// Returns nullptr if the list does not contain the partition.
const PartitionProgress *progress_list_find(const ProgressList &list, const PartitionKey &key);

} // namespace heartbeat
