// A piece of a Kafka partition that a replay reads: a range of offsets that ingest has either read
// completely, or not read at all. replay_plan.cpp makes the pieces, and replay_read.cpp reads them.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct ReplayPiece {
    int32_t partition;
    int64_t from_offset;
    int64_t to_offset;
    bool skipped; // ingest has never read these offsets: they are before its first one, or in heartbeat_gaps
    size_t row;   // the partition's row in the result of heartbeat_replay()
};

} // namespace heartbeat
