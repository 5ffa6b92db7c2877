// The Kafka partitions that one worker has handed over to another worker. The list is in shared memory, so
// that the receiving worker reads the same Kafka partitions again after a restart of its process.
// hand_over.cpp, kafka_partitions.cpp and reader_list.cpp call these functions.
#pragma once

#include "monitor/shared_state.h"

namespace heartbeat {

// Returns the number of the worker that reads the Kafka partition. `home` is the number of the worker that
// reads the partition if no worker has handed it over.
int moved_partitions_worker(PartitionKey partition, int home);

// Returns a number that grows with each change of the moved partitions.
uint64_t moved_partitions_generation();

// Returns a number that grows with each change of the moved partitions of this source. The number can also
// grow with a change of another source.
uint64_t moved_partitions_generation_of(int32_t source_id);

// Moves the Kafka partition from the calling worker to `worker`. The caller must read the partition, and must
// have stored all messages that it has consumed. heartbeat_partitions then shows the new worker, and the lag
// of the Kafka partition stays known. If shared memory has no room for another moved partition, the partition
// is not moved, and the function returns false.
bool moved_partitions_set(PartitionKey partition, int home, int worker);

// Call this function when `worker` no longer reads the source. Gives the Kafka partitions that `worker` has
// received from other workers back to their home workers.
void moved_partitions_forget(int32_t source_id, int worker);

} // namespace heartbeat
