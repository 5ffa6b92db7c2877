// The offsets that Kafka holds of a partition, as the answer to a question of topic_ranges.h.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

// Kafka holds offsets low <= offset < high of the partition, and high is at most offset_max.
struct PartitionRange {
    int32_t partition;
    int64_t low; // -1: not known, and neither is high
    int64_t high;
};

enum class RangeKind {
    both, // what Kafka holds of the partition
    end,  // high alone; low is 0
    time, // low is the first offset whose Kafka timestamp is at or after a time, or the partition's end; high
          // is too
};

struct RangeAnswer {
    RangeKind kind;
    bool known;
    bool wrong; // the broker has answered what cannot be
    bool moved; // it is to be asked for again: another broker leads it now, or its leader delays answers
    PartitionRange range;
    Error reason; // why it is not known
};

} // namespace heartbeat
