// How far a partition was read, and what is known of the messages before. The ingest worker stores it, and
// the consumer client reads on from it.
#pragma once

#include "decode/message_mark.h"

#include <cstdint>

namespace heartbeat {

struct PartitionPosition {
    int32_t partition;
    int64_t offset;
    // The last consumed message: reading begins at its offset where there is one, to see whether it is still
    // there.
    MessageMark last_message = {};
    int64_t end = INT64_MAX; // nothing is read from there on, and nothing is examined where it is given
    MarkTrail trail = {};    // messages consumed before, for the search where the last one is another
    int64_t log_begin = 0;   // what Kafka holds of the partition
    int64_t log_end = INT64_MAX;
};

// The largest offset that can be right: a partition with a million messages a second needs thirty years to
// get there. What a broker says beyond it is trouble, and is not used.
inline constexpr int64_t offset_max = 1'000'000'000'000'000;

// As many partitions as a topic may have here: Kafka is asked about each of them.
inline constexpr int32_t partition_count_max = 10'000;

} // namespace heartbeat
