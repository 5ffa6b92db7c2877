// Stream half: questions to Kafka about the topic. They wait for the answer, so they are for moments when
// nothing is read.
#pragma once

#include "stream/consumer.h"

namespace heartbeat {

struct TopicDescription {
    bool exists;
    int32_t partition_count; // at most partition_count_max
    char cluster_id[64];     // ASCII, as ascii_copy writes it; empty if the cluster has none
    char topic_id[64];       // the same; empty if the cluster gives none, or librdkafka is older than 2.3
};

// False where an id, of the cluster or of the topic, is known of both and is another.
bool topic_is_same(const TopicDescription &a, const TopicDescription &b) noexcept;

// Kafka holds offsets low <= offset < high of the partition, and high is at most offset_max.
struct PartitionRange {
    int32_t partition;
    int64_t low;
    int64_t high;
};

// False with *problem filled in when the cluster could not be asked; a missing topic is an answer.
bool topic_describe(Consumer *consumer, int timeout_ms, TopicDescription *topic, Problem *problem) noexcept;

// For each element's partition: what Kafka holds of it.
bool topic_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                  Problem *problem) noexcept;

// For each element's partition: the first offset whose Kafka timestamp is at or after kafka_time
// (milliseconds since 1970), or the partition's end.
bool topic_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions, size_t count,
                      int timeout_ms, Problem *problem) noexcept;

// The partition's end as the last answer of the broker had it, or -1. Asks nobody. One that cannot be right
// is trouble, which the next consumer_fill() reports.
int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept;

} // namespace heartbeat
