// Keeps the state of an ingest worker's Kafka partitions. The state says which partitions are unavailable and
// why, and which partitions can be assigned. The state also says when the worker must next ask Kafka.
// topic_watch.cpp and leader_questions.cpp ask Kafka and store the answers here.
#include "server/server.h"

#include "ingest/kafka_partitions.h"
#include "monitor/worker_stats.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr TimestampTz trouble_lasts = 2 * USECS_PER_SEC;
constexpr TimestampTz trouble_again_lasts = 10 * USECS_PER_SEC;

constexpr char away_hint[] = "heartbeat reads the partitions of other leaders. It tries this partition again "
                             "each second. Check the broker and its advertised.listeners.";
constexpr char trouble_hint[] =
    "heartbeat tries again automatically. If messages are damaged in Kafka, heartbeat_seek() can skip them.";

} // namespace

bool partitions_gather(const KafkaPartitions &partitions) {
    if (GetCurrentTimestamp() >= partitions.gather_until)
        return false;
    for (int32_t i = 0; i < partitions.topic.partition_count; i++)
        if (partitions.partition[i].asked && !partitions.partition[i].away)
            return true;
    return false;
}

bool partitions_to_join(const KafkaPartitions &partitions) {
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers)
        if (!partitions.partition[i].read && partitions.partition[i].range.low >= 0)
            return true;
    return false;
}

void partitions_trouble(KafkaPartitions *partitions, const PartitionTrouble &trouble) {
    if (trouble.partition >= partitions->topic.partition_count)
        return;
    KafkaPartition *partition = &partitions->partition[trouble.partition];
    TimestampTz now = GetCurrentTimestamp();
    partition->read = partition->asked = false;
    if (!partition->away)
        partition->away_since = now;
    partition->away = true;
    partition->range.low = partition->range.high = -1;
    bool again = partition->trouble_until > now;
    partition->ask_at = again ? now + partitions_ask_again_after : now;
    partition->trouble_until = now + (again ? trouble_again_lasts : trouble_lasts);
    text_take(partition->reason, trouble.text);
}

void partitions_show(const KafkaPartitions &partitions, PartitionState otherwise) {
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers) {
        const KafkaPartition &partition = partitions.partition[i];
        PartitionState state = partition.away   ? PartitionState::away
                               : partition.read ? PartitionState::reading
                                                : otherwise;
        worker_stats_partition_state(partitions_key(partitions, i), state,
                                     partition.away ? partition.reason : "");
    }
}

bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint) {
    int32_t first = -1;
    int more = 0;
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers) {
        if (!partitions.partition[i].away)
            continue;
        more += first >= 0 ? 1 : 0;
        first = first < 0 ? i : first;
    }
    if (first < 0)
        return false;
    const KafkaPartition &partition = partitions.partition[first];
    text_print(reason, state_text_size, "partition %d is not read: %s", first, partition.reason);
    if (more > 0)
        text_add_sentence(reason, state_text_size, psprintf("(%d more: see heartbeat_partitions)", more));
    text_copy(hint, state_text_size, partition.trouble_until != 0 ? trouble_hint : away_hint);
    return true;
}

bool partitions_any_away(const KafkaPartitions &partitions) {
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers)
        if (partitions.partition[i].away)
            return true;
    return false;
}

bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for) {
    TimestampTz now = GetCurrentTimestamp();
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers) {
        const KafkaPartition &partition = partitions.partition[i];
        if (partition.away && partition.trouble_until == 0 && now >= partition.away_since + away_for &&
            topic_leader(consumer, i) != no_leader)
            return true;
    }
    return false;
}

long partitions_until_due(const KafkaPartitions &partitions) {
    TimestampTz now = GetCurrentTimestamp();
    TimestampTz next = partitions.topic_at;
    for (int32_t i = partitions.first; i < partitions.topic.partition_count; i += partitions.workers) {
        const KafkaPartition &partition = partitions.partition[i];
        bool joins = !partition.read && partition.range.low >= 0;
        next = std::min(next, joins || partition.asked ? now + partitions_ask_again_after : partition.ask_at);
    }
    return static_cast<long>(std::clamp<TimestampTz>((next - now + 999) / 1000, 1, 60000));
}

} // namespace heartbeat
