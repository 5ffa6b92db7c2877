// Control wing: a session reads a piece of a partition again, batch by batch, and can be cancelled meanwhile.
#pragma once

#include "control/replay_plan.h"
#include "stream/batch.h"

namespace heartbeat {

struct ReplayReader {
    Consumer *consumer;
    Batch *batch;
};

// Begins a piece: the batch is empty.
void replay_begin(ReplayReader *reader, const ReplayPiece &piece);

// Fills the batch with what comes next, and waits for it; false, with an empty batch, when the piece has been
// read. The batch is not sealed.
bool replay_next(ReplayReader *reader, const ReplayPiece &piece);

// The Kafka time of the first message of the partition, milliseconds since 1970; -1 if it has none.
int64_t replay_first_time(Consumer *consumer, int32_t partition, const PartitionRange &range);

} // namespace heartbeat
