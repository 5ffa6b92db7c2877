// What a replay is to read: pieces of partitions whose offsets were counted in the same way
// when they were passed.
#pragma once

#include "admin/replay_partitions.h"
#include "admin/replay_piece.h"

namespace heartbeat {

struct ReplayPlan {
    ReplayPiece
        *pieces; // by partition and offset; a partition of which nothing is to be read has an empty one
    size_t count;
    size_t rows; // partitions
};

// Asks Kafka and reads heartbeat_offsets, with SPI connected. An error where the topic is not the one that
// was read, or Kafka no longer holds all of the span, with what it holds.
ReplayPlan replay_plan(Consumer *consumer, const ReplaySpan &span);

} // namespace heartbeat
