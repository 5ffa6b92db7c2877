// The position of a partition: the next offset to read, and the marks of the messages before this offset. The
// ingest worker stores the position, and the consumer client continues at the stored position.
#pragma once

#include "decode/message_mark.h"

#include <cstdint>

namespace heartbeat {

struct PartitionPosition {
    int32_t partition;
    int64_t offset;
    // The last consumed message. If there is such a message, the client begins to read at the message's
    // offset, to check that the log still has this message.
    MessageMark last_message = {};
    // The client reads only offsets below `end`. If a position has an end, the client does not examine the
    // partition.
    int64_t end = INT64_MAX;
    // marks of earlier messages, for a search if the log does not have `last_message` any more
    MarkTrail trail = {};
    int64_t log_begin = 0; // Kafka holds the offsets from `log_begin` to `log_end` - 1
    int64_t log_end = INT64_MAX;
};

// The largest offset that heartbeat accepts. Even a partition with a million messages per second reaches this
// offset only after thirty years, so a larger offset is wrong. If a broker gives a larger offset, heartbeat
// reports an error and does not use the offset.
inline constexpr int64_t offset_max = 1'000'000'000'000'000;

// The largest number of partitions of a topic. If a broker gives a larger number, heartbeat reports an error.
// Without this limit, heartbeat would ask Kafka about every partition, however large the number is.
inline constexpr int32_t partition_count_max = 10'000;

} // namespace heartbeat
