// The answer to a question of topic_ranges.h: the offsets that Kafka holds of a partition. The ingest worker
// and the functions for seek and replay read the answer.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

// Kafka holds the offsets of the partition from `low` to `high` - 1. `high` is at most offset_max.
struct PartitionRange {
    int32_t partition;
    int64_t low; // -1: `low` and `high` are not known
    int64_t high;
};

enum class RangeKind {
    both, // `low` and `high`: the offsets that Kafka holds of the partition
    end,  // only `high`; `low` is 0
    // `low` and `high` have the same value: the first offset whose Kafka timestamp is at or after the
    // requested time. If all messages of the partition are older than this time, the value is the end offset.
    time,
};

// Returns how many requests a question of this kind sends to the leader. Each request can wait behind a
// fetch.
constexpr int range_requests(RangeKind kind) noexcept {
    return kind == RangeKind::end ? 1 : 2;
}

struct RangeAnswer {
    RangeKind kind;
    bool known;
    bool wrong; // the broker's answer cannot be right
    // the caller must ask again: another broker leads the partition now, or the leader throttles this client
    bool moved;
    PartitionRange range;
    Error reason; // why the range is not known
};

} // namespace heartbeat
