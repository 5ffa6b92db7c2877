// A replay piece is a range of offsets of one Kafka partition. Ingest has read either all offsets of the
// range or no offset of the range. replay_plan.cpp makes the replay pieces, and replay_read.cpp reads their
// messages from Kafka.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

struct ReplayPiece {
    int32_t partition;
    int64_t from_offset;
    int64_t to_offset;
    bool skipped; // ingest has never read these offsets: they are in heartbeat_gaps, or before the
                  // first offset that ingest has read
    size_t row;   // the partition's row in the result of heartbeat_replay()
};

} // namespace heartbeat
