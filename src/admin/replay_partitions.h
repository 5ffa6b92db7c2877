// Finds the Kafka partitions that a replay reads, and the range of offsets in each partition. replay_plan.cpp
// calls this file. This file reads no messages.
#pragma once

#include "kafka/consumer.h"
#include "store/offsets.h"
#include "store/sources.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

struct ReplaySpan {
    Source source;
    TimestampTz from;
    TimestampTz to;
    int32_t partition; // -1: all partitions
};

// A Kafka partition, with its row of heartbeat_offsets and with Kafka's answers about the partition.
struct ReplayPartition {
    StoredOffset stored;
    PartitionRange range;
    int64_t from; // the first offset at or after the beginning of the span
    int64_t to;   // the first offset at or after the end of the span, at most the stored offset
    bool removed; // Kafka may have removed messages of the span
};

// Asks Kafka and reads heartbeat_offsets. SPI must be connected. Raises an error if the topic is not the
// topic that ingest has read. Also raises an error if the span names a partition that heartbeat_offsets or
// the topic does not have.
ReplayPartition *replay_partitions_find(Consumer *consumer, const ReplaySpan &span, size_t *found);

} // namespace heartbeat
