// Remembers in shared memory how many partitions a topic had when a worker began to read the topic at the end
// offsets. A worker begins to read each of these partitions at the end offset, even if the partition's leader
// answers later, or if another worker reads the partition. A partition that the topic gets later begins at
// its first offset. stored_positions.cpp calls this file. This file does not depend on the stored offsets.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Call this function when a worker begins to read a topic that has no stored offsets. The function forgets
// every earlier description of a topic of this source. `worker` is the number of the calling worker. If the
// worker does not begin at the end offsets, `start` is empty.
void start_at_end_set(int worker, int32_t source_id, const StartAtEnd &start);

// Returns the number of partitions that the topic had when a worker began to read it at the end offsets.
// Returns 0 if no worker began at the end offsets of this topic. Also returns 0 if that worker has restarted
// since then, or if a person has altered the source. `topic` describes the present topic.
int32_t start_at_end_partitions(int32_t source_id, const StartAtEnd &topic);

} // namespace heartbeat
