// The position of a partition: the next offset to read, and the marks of the messages before it. The ingest
// worker stores it, and the consumer client continues at it.
#pragma once

#include "decode/message_mark.h"

#include <cstdint>

namespace heartbeat {

struct PartitionPosition {
    int32_t partition;
    int64_t offset;
    // The last consumed message. If there is one, reading begins at its offset, to check that the log still
    // has it.
    MessageMark last_message = {};
    // The client does not read this offset and later ones. With an end, it does not examine the partition.
    int64_t end = INT64_MAX;
    MarkTrail trail = {};  // messages consumed before, for the search if the last one has changed
    int64_t log_begin = 0; // the offsets that Kafka holds of the partition
    int64_t log_end = INT64_MAX;
};

// The largest offset that can be right: a partition with a million messages a second reaches it after thirty
// years. heartbeat reports a larger offset of a broker as an error, and does not use it.
inline constexpr int64_t offset_max = 1'000'000'000'000'000;

// The largest number of partitions of a topic. The limit exists because heartbeat asks Kafka about each
// partition.
inline constexpr int32_t partition_count_max = 10'000;

} // namespace heartbeat
