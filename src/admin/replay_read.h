// A session reads pieces of partitions again, all at once, batch by batch, and can be cancelled
// meanwhile.
#pragma once

#include "admin/replay_piece.h"
#include "decode/batch.h"
#include "kafka/topic_query.h"

namespace heartbeat {

struct ReplayReader {
    Consumer *consumer;
    Batch *batch;
    const ReplayPiece *pieces; // of partitions in ascending order, one of each
    size_t count;
    int64_t *reached; // of each piece
    size_t remaining; // pieces of which there is more to read
};

// Begins pieces that are not empty: the batch is.
void replay_begin(ReplayReader *reader, const ReplayPiece *pieces, size_t count);

// Fills the batch with what comes next, and waits for it; false, with an empty batch, when all pieces have
// been read. The batch is not sealed.
bool replay_next(ReplayReader *reader);

// The piece of that partition.
const ReplayPiece *replay_find_piece(const ReplayReader *reader, int32_t partition);

// The Kafka time of the message at the beginning of each partition, milliseconds since 1970; -1 where there
// is none at that offset.
void replay_first_times(Consumer *consumer, const PartitionRange *ranges, size_t count, int64_t *kafka_times);

} // namespace heartbeat
