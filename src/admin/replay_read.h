// Reads replay pieces of several Kafka partitions at the same time, batch by batch. replay.cpp and
// replay_removed.cpp call this file. While the session reads, a user can cancel the statement. This file does
// not store the batches.
#pragma once

#include "admin/replay_piece.h"
#include "decode/batch.h"
#include "kafka/topic_query.h"
#include "store/sources.h"

namespace heartbeat {

struct ReplayReader {
    Source source;
    Consumer *consumer;
    Decoder *decoder;
    Batch *batch;
    const ReplayPiece *pieces; // one piece for each partition, in ascending order of partitions
    size_t count;
    int64_t *reached;  // for each replay piece, the next offset to read
    size_t remaining;  // number of replay pieces that are not read to their end
    bool needs_schema; // the decoder needs a schema before the session continues to read
};

// Empties the batch and begins to read the replay pieces. Each replay piece must have at least one offset.
void replay_begin(ReplayReader *reader, const ReplayPiece *pieces, size_t count);

// Empties the batch, waits for the next messages, and adds these messages to the batch. The caller must call
// batch_seal(). Returns false if all replay pieces are read and the batch is empty.
bool replay_next(ReplayReader *reader);

const ReplayPiece *replay_find_piece(const ReplayReader *reader, int32_t partition);

// Sets kafka_times to the time of the message at the first offset of each range (milliseconds since 1970). If
// Kafka has no message at this offset, the time is -1.
void replay_first_times(const Source &source, Consumer *consumer, const PartitionRange *ranges, size_t count,
                        int64_t *kafka_times);

} // namespace heartbeat
