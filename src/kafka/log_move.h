// Makes the consumer client continue to consume one partition at another offset. The examination and the
// search of a log (examination.cpp, log_search.cpp) call this file.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Makes the client continue at the offset, and drops the queued messages of the partition. If the caller
// gives a leader epoch, librdkafka first asks the broker where this epoch ends. librdkafka before 2.1 ignores
// the leader epoch. Returns false if librdkafka refuses, for example because the partition is not assigned to
// the client.
bool log_move(Consumer *consumer, size_t index, int64_t offset, int32_t leader_epoch = -1);

} // namespace heartbeat
