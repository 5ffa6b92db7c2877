// Plans which ranges of offsets a replay reads (replay_piece.h). replay.cpp calls this file. This file reads
// and stores no messages.
#pragma once

#include "admin/replay_partitions.h"
#include "admin/replay_piece.h"

namespace heartbeat {

struct ReplayPlan {
    // sorted by partition and offset; a partition without messages to read has one empty replay piece
    ReplayPiece *pieces;
    size_t count;
    size_t rows; // number of partitions
};

// Asks Kafka and reads heartbeat_offsets. SPI must be connected. Raises an error if the topic is not the
// topic that ingest has read. Also raises an error if Kafka no longer holds the whole span: see
// replay_removed_refuse().
ReplayPlan replay_plan(Consumer *consumer, const ReplaySpan &span);

} // namespace heartbeat
