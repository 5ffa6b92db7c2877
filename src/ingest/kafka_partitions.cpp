// Keeps the state of an ingest worker's Kafka partitions. The state says which partitions are unavailable and
// why, and which partitions can be assigned. The state also says when the worker must next ask Kafka.
// topic_watch.cpp and leader_questions.cpp ask Kafka and store the answers here.
#include "server/server.h"

#include "ingest/kafka_partitions.h"
#include "monitor/moved_partitions.h"
#include "monitor/worker_stats.h"
#include "server/text.h"
#include "store/source_calls.h"

namespace heartbeat {

namespace {

constexpr TimestampTz trouble_lasts = 2 * USECS_PER_SEC;
constexpr TimestampTz trouble_again_lasts = 10 * USECS_PER_SEC;

constexpr char away_hint[] = "heartbeat reads the partitions of other leaders. It tries this partition again "
                             "each second. Check the broker and its advertised.listeners.";

} // namespace

int partitions_home(const KafkaPartitions &partitions, int32_t partition) {
    return (partition % settings.workers + partitions.source->id % settings.workers) % settings.workers;
}

void partitions_set_own(KafkaPartitions *partitions, int32_t from) {
    if (from == 0)
        partitions->moves_seen = moved_partitions_generation_of(partitions->source->id);
    for (int32_t i = from; i < partitions->topic.partition_count; i++) {
        KafkaPartition *partition = &partitions->partition[i];
        int home = partitions_home(*partitions, i);
        int worker = moved_partitions_worker(partitions_key(*partitions, i), home);
        // a worker keeps a partition that it reads, until the worker itself hands the partition over
        bool own = partition->read || worker == partitions->worker;
        if (own && !partition->own) {
            partition->range = {i, -1, -1};
            partition->ask_at = 0;
        }
        partition->own = own;
    }
}

void partitions_take_moves(KafkaPartitions *partitions) {
    uint64_t generation = moved_partitions_generation_of(partitions->source->id);
    if (generation == partitions->moves_seen || !partitions->known)
        return;
    // ask about the topic at once: the other worker may have handed over a partition that `topic` does not
    // have yet
    partitions->topic_at = 0;
    partitions->topic_is_old = true;
    partitions_set_own(partitions, 0);
}

bool partitions_gather(const KafkaPartitions &partitions) {
    if (monotonic_now() >= partitions.gather_until)
        return false;
    for (int32_t i = 0; i < partitions.topic.partition_count; i++)
        if (partitions.partition[i].asked && !partitions.partition[i].away)
            return true;
    return false;
}

bool partitions_to_join(const KafkaPartitions &partitions) {
    if (partitions.topic_is_old)
        return false;
    bool joins = false;
    partitions_each_own(partitions, [&](int32_t i) {
        joins = joins || (!partitions.partition[i].read && partitions.partition[i].range.low >= 0);
    });
    return joins;
}

void partitions_trouble(KafkaPartitions *partitions, const PartitionTrouble &trouble) {
    if (trouble.partition >= partitions->topic.partition_count)
        return;
    KafkaPartition *partition = &partitions->partition[trouble.partition];
    MonotonicTime now = monotonic_now();
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
    partitions_each_own(partitions, [&](int32_t i) {
        const KafkaPartition &partition = partitions.partition[i];
        PartitionState state = partition.away   ? PartitionState::away
                               : partition.read ? PartitionState::reading
                                                : otherwise;
        worker_stats_partition_state(partitions_key(partitions, i), state,
                                     partition.away ? partition.reason : "");
    });
}

bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint) {
    int32_t first = -1;
    int more = 0;
    partitions_each_own(partitions, [&](int32_t i) {
        if (!partitions.partition[i].away)
            return;
        more += first >= 0 ? 1 : 0;
        first = first < 0 ? i : first;
    });
    if (first < 0)
        return false;
    const KafkaPartition &partition = partitions.partition[first];
    text_print(reason, state_text_size, "partition %d is not read: %s", first, partition.reason);
    if (more > 0)
        text_add_sentence(reason, state_text_size, psprintf("(%d more: see heartbeat_partitions)", more));
    text_copy(hint, state_text_size,
              partition.trouble_until != 0 ? partitions_trouble_hint(*partitions.source) : away_hint);
    return true;
}

const char *partitions_trouble_hint(const Source &source) {
    return psprintf(
        "heartbeat tries again automatically. To skip messages that are damaged in Kafka, call %s.",
        source_calls_seek(source, "partition, offset"));
}

bool partitions_any_away(const KafkaPartitions &partitions) {
    bool away = false;
    partitions_each_own(partitions, [&](int32_t i) { away = away || partitions.partition[i].away; });
    return away;
}

bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for) {
    MonotonicTime now = monotonic_now();
    bool misled = false;
    partitions_each_own(partitions, [&](int32_t i) {
        const KafkaPartition &partition = partitions.partition[i];
        misled = misled || (partition.away && partition.trouble_until == 0 &&
                            now >= partition.away_since + away_for && topic_leader(consumer, i) != no_leader);
    });
    return misled;
}

long partitions_until_due(const KafkaPartitions &partitions) {
    MonotonicTime now = monotonic_now();
    MonotonicTime next = partitions.topic_at;
    partitions_each_own(partitions, [&](int32_t i) {
        const KafkaPartition &partition = partitions.partition[i];
        bool joins = !partition.read && partition.range.low >= 0;
        next = std::min(next, joins || partition.asked ? now + partitions_ask_again_after : partition.ask_at);
    });
    return std::clamp(monotonic_milliseconds(now, next), 1L, 60000L);
}

} // namespace heartbeat
