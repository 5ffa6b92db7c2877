// Stream half: reads assigned partitions of one topic into batches. Every call is made by one thread, returns
// within its timeout, and never throws; librdkafka's own threads run no code of this project.
#pragma once

#include "stream/batch.h"
#include "stream/kafka_config.h"

namespace heartbeat {

class Consumer;

struct TopicDescription {
    bool exists;
    int32_t partition_count;
    char cluster_id[64]; // empty if the cluster has none
};

struct PartitionPosition {
    int32_t partition;
    int64_t offset;
};

// Kafka holds offsets low <= offset < high of the partition.
struct PartitionRange {
    int32_t partition;
    int64_t low;
    int64_t high;
};

// Something that librdkafka had to say. The level is syslog's (3 error, 4 warning, 6 info, 7 debug).
struct ConsumerNote {
    int level;
    char text[256];
};

enum class FillResult {
    drained,       // nothing more is queued
    full,          // the batch is; more may be queued
    trouble,       // an error told by a note: find out what Kafka holds and assign anew before going on
    out_of_memory, // messages were lost on the way: drop the batch and assign the stored positions again
};

Consumer *consumer_open(const KafkaSettings &settings, Problem *problem) noexcept;
void consumer_close(Consumer *consumer) noexcept; // nullptr is fine

// Becomes readable when something is queued; consumer_fill() until it is drained re-arms it.
int consumer_descriptor(const Consumer *consumer) noexcept;

// False with *problem filled in when the cluster could not be asked; a missing topic is an answer.
bool consumer_describe(Consumer *consumer, int timeout_ms, TopicDescription *topic,
                       Problem *problem) noexcept;

// For each element's partition: what Kafka holds of it. The timeout is for each.
bool consumer_ranges(Consumer *consumer, PartitionRange *ranges, size_t count, int timeout_ms,
                     Problem *problem) noexcept;

// For each element's partition: the first offset whose Kafka timestamp is at or after kafka_time
// (milliseconds since 1970), or the partition's end.
bool consumer_offsets_at(Consumer *consumer, int64_t kafka_time, PartitionPosition *positions, size_t count,
                         int timeout_ms, Problem *problem) noexcept;

// Reads these partitions from these positions, and nothing that was queued before. Count 0 reads nothing.
bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Problem *problem) noexcept;

// Decodes what is queued into the batch, without waiting.
FillResult consumer_fill(Consumer *consumer, Batch *batch) noexcept;

// The batch is stored: the next one begins where it ends.
void consumer_advance(Consumer *consumer, const Batch *batch) noexcept;

// The partition's end as the last answer of the broker had it, or -1.
int64_t consumer_high_watermark(const Consumer *consumer, int32_t partition) noexcept;

// Commits the stored positions to the Kafka group, for tools that show lag; never read back, so failing is
// harmless and told by a note. Does not wait for the answer.
void consumer_mirror_positions(Consumer *consumer) noexcept;

// True once after that did not work, as while the group's coordinator is being found: do it again later.
bool consumer_mirror_failed(Consumer *consumer) noexcept;

// True once after every broker was lost.
bool consumer_lost_brokers(Consumer *consumer) noexcept;

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept;

} // namespace heartbeat
