// The partitions that a replay reads, and from which offsets to which.
#pragma once

#include "kafka/consumer.h"
#include "store/offsets.h"

extern "C" {
#include "postgres.h"

#include "utils/timestamp.h"
}

namespace heartbeat {

struct ReplaySpan {
    TimestampTz from;
    TimestampTz to;
    int32_t partition; // -1: all
};

// A partition as Kafka and heartbeat_offsets have it.
struct ReplayPartition {
    StoredOffset stored;
    PartitionRange range;
    int64_t from; // the first offset at or after the span's times
    int64_t to;
    bool removed; // Kafka may have held more of the span
};

// Asks Kafka and reads heartbeat_offsets, with SPI connected. An error where the topic is not the one that
// was read, or the span's partition has not been read.
ReplayPartition *replay_partitions_find(Consumer *consumer, const ReplaySpan &span, size_t *found);

} // namespace heartbeat
