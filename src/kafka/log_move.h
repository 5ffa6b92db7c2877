// Moves the reading of one partition to another offset, for the examination and the search of its log.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Reads on from there: what is queued of the partition is dropped. With an epoch, which librdkafka before 2.1
// ignores, the broker is asked first where that ends. False: it is not being read.
bool log_move(Consumer *consumer, size_t index, int64_t offset, int32_t leader_epoch = -1);

} // namespace heartbeat
