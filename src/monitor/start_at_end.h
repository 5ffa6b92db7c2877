// Remembers in shared memory how many partitions a topic had when a worker began to read the topic at the end
// offsets. The leader of such a partition may answer later than the others, and another worker may read this
// partition. stored_positions.cpp calls this file. This file does not depend on the stored offsets.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Call this function when no stored offset of the topic exists, so that a worker now begins to read the
// topic. The function forgets the topic that a worker began to read before. `worker` is the number of the
// calling worker. If the worker does not begin at the end offsets, `start` is empty.
void start_at_end_set(int worker, int32_t source_id, const StartAtEnd &start);

// Returns the number of partitions that the topic had when a worker began to read it at the end offsets.
// Returns 0 if shared memory has no such worker for this topic. The result is also 0 if that worker has
// restarted since then, or if a person has altered the source. `topic` describes the present topic.
int32_t start_at_end_partitions(int32_t source_id, const StartAtEnd &topic);

} // namespace heartbeat
