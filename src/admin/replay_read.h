// Reads pieces of several Kafka partitions at the same time, batch by batch. replay.cpp and
// replay_removed.cpp call it. The session can be cancelled while it reads. It does not store the batches.
#pragma once

#include "admin/replay_piece.h"
#include "decode/batch.h"
#include "kafka/topic_query.h"

namespace heartbeat {

struct ReplayReader {
    Consumer *consumer;
    const Decoder *decoder;
    Batch *batch;
    const ReplayPiece *pieces; // one for each partition, in ascending order of partitions
    size_t count;
    int64_t *reached; // for each piece, the next offset to read
    size_t remaining; // number of pieces that are not read to their end
};

// Empties the batch and begins to read the pieces. No piece may be empty.
void replay_begin(ReplayReader *reader, const ReplayPiece *pieces, size_t count);

// Fills the batch with the next messages, and waits for them. The batch is not sealed. False: all pieces are
// read, and the batch is empty.
bool replay_next(ReplayReader *reader);

// The piece of this partition.
const ReplayPiece *replay_find_piece(const ReplayReader *reader, int32_t partition);

// Sets for each partition the Kafka time of the message at its first offset, in milliseconds since 1970; -1
// if no message has this offset.
void replay_first_times(Consumer *consumer, const PartitionRange *ranges, size_t count, int64_t *kafka_times);

} // namespace heartbeat
