// Storage wing: heartbeat_offsets, the one truth about progress.
#pragma once

#include "storage/store.h"

namespace heartbeat {

struct StoredOffset {
    int32_t partition;
    int64_t next_offset;
    char cluster_id[64]; // empty: not known yet
    bool lost;           // offsets of that name mean other messages now
};

// All stored offsets of the topic; the array lives as long as the transaction.
StoredOffset *offsets_load(const char *topic, size_t *count);

// A partition that is seen for the first time; nothing where another has been quicker.
void offsets_begin(const char *topic, int32_t partition, int64_t next_offset, const char *cluster_id);

// Moves a position that Kafka does not hold, and records the gap. An error where it is no longer at `from`.
void offsets_reset(const char *topic, int32_t partition, int64_t from, int64_t to, const char *reason);

// Kafka does not know the topic, or some partitions: all its offsets are of a topic that is gone.
void offsets_mark_lost(const char *topic);

// The topic's partitions of one worker (partition modulo workers) belong to this cluster from now on.
void offsets_set_cluster(const char *topic, const char *cluster_id, int32_t partition_count, int worker,
                         int workers);

// Compare and set: moves every partition of the batch from its first offset to its next and adds the counts.
// False: somebody else has moved one of them, and the transaction must not commit.
bool offsets_advance(const Batch *batch, const char *topic, const PartitionCounts *counts);

} // namespace heartbeat
