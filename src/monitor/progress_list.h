// A copy of the progress of all Kafka partitions in shared memory, in the order of their sources. With this
// copy, a caller finds the Kafka partitions of each source without a search through all Kafka partitions.
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

// Takes the lock of shared memory for the time of the copy. Allocates memory, so the function can raise an
// error. Call progress_list_free() after use.
ProgressList progress_list_take();
void progress_list_free(ProgressList *list);

ProgressRange progress_list_all(const ProgressList &list);
ProgressRange progress_list_of(const ProgressList &list, int32_t source_id);

} // namespace heartbeat
