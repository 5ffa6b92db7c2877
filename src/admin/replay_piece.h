// A piece of a partition that a replay reads: offsets that were counted in the same way when they were
// passed.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct ReplayPiece {
    int32_t partition;
    int64_t from_offset;
    int64_t to_offset;
    bool skipped; // ingest has never read these offsets: before its first one, or in heartbeat_gaps
    size_t row;   // of the answer: the partition's place among those that are replayed
};

} // namespace heartbeat
