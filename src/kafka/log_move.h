// Moves the reading of one partition to another offset. The examination and the search of a log
// (examination.cpp, log_search.cpp) call it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Continues to read at the offset, and drops the queued messages of the partition. With a leader epoch,
// librdkafka first asks the broker where this epoch ends. librdkafka before 2.1 ignores the leader epoch.
// Returns false if librdkafka refuses, for example because it does not read the partition.
bool log_move(Consumer *consumer, size_t index, int64_t offset, int32_t leader_epoch = -1);

} // namespace heartbeat
