// Asks Kafka about the topic and the leaders of its partitions. A leader that does not answer is
// noticed by the question for the ends of its partitions, every two seconds. librdkafka itself learns of
// another leader with the next metadata, up to a minute later, so the topic is asked for each second as long
// as a leader is away.
#include "server/server.h"

#include "ingest/kafka_partitions.h"
#include "monitor/worker_stats.h"
#include "server/text.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz ends_every = 2 * USECS_PER_SEC;
constexpr TimestampTz again_after = USECS_PER_SEC;
constexpr TimestampTz another_broker_after = 700000; // the one that was asked may be frozen
constexpr TimestampTz answers_take = 2500000;        // then no broker answers
constexpr TimestampTz gather_for = USECS_PER_SEC;
constexpr TimestampTz trouble_lasts = 2 * USECS_PER_SEC;
constexpr TimestampTz trouble_again_lasts = 10 * USECS_PER_SEC;

constexpr char away_hint[] =
    "Partitions with another leader are read. This one is asked for again each second, and "
    "goes on by itself. Check the broker, "
    "and its advertised.listeners.";
constexpr char trouble_hint[] =
    "It is tried again by itself. Messages that are damaged in Kafka are passed over by heartbeat_seek().";

void ask_topic(KafkaPartitions *partitions, Consumer *consumer, TimestampTz now) {
    if (!topic_ask(consumer))
        return;
    if (partitions->topic_asked_at == 0)
        partitions->topic_asked_at = now;
    partitions->topic_at = now + another_broker_after;
}

void topic_answered(KafkaPartitions *partitions, TimestampTz next) {
    partitions->topic_asked_at = 0;
    partitions->topic_at = next;
}

void make_room(KafkaPartitions *partitions, int32_t before) {
    int32_t count = partitions->topic.partition_count;
    if (count > partitions->room) {
        auto *fresh = static_cast<KafkaPartition *>(
            MemoryContextAllocZero(TopMemoryContext, sizeof(KafkaPartition) * static_cast<size_t>(count)));
        if (partitions->partition != nullptr) {
            memcpy(fresh, partitions->partition, sizeof(KafkaPartition) * static_cast<size_t>(before));
            pfree(partitions->partition);
        }
        partitions->partition = fresh;
        partitions->room = count;
    }
    for (int32_t i = before; i < count; i++) {
        partitions->partition[i] = {};
        partitions->partition[i].range = {i, -1, -1};
    }
}

TopicNews take_topic(KafkaPartitions *partitions, const TopicDescription &found) {
    TopicDescription before = partitions->topic;
    if (!found.exists) {
        partitions->known = false;
        return TopicNews::missing;
    }
    // librdkafka that fetches by a topic's id gets nothing of one that is made again under its eyes
    bool other = !topic_is_same(before, found);
    bool fewer = partitions->known && found.partition_count < before.partition_count;
    bool first = !partitions->known;
    partitions->topic = found;
    if (other || fewer) {
        partitions->known = false;
        partitions->topic_at = 0;
        return other ? TopicNews::other : TopicNews::fewer;
    }
    make_room(partitions, first ? 0 : before.partition_count);
    partitions->known = true;
    if (first)
        partitions->gather_until = GetCurrentTimestamp() + gather_for;
    return TopicNews::found;
}

void take_known(const RangeAnswer &answer, Consumer *consumer, bool own, KafkaPartition *partition,
                TimestampTz now) {
    if (answer.kind == RangeKind::both && !partition->read)
        partition->range = answer.range;
    if (partition->trouble_until == 0)
        partition->away = false;
    partition->ask_at = now + ends_every;
    // what is committed may end before what there is
    if (own)
        worker_stats_high_watermark(
            answer.range.partition,
            std::max(answer.range.high, topic_high_watermark(consumer, answer.range.partition)));
}

void take_answer(KafkaPartitions *partitions, Consumer *consumer, const RangeAnswer &answer,
                 TimestampTz now) {
    int32_t number = answer.range.partition;
    if (number >= partitions->topic.partition_count)
        return;
    KafkaPartition *partition = &partitions->partition[number];
    partition->asked = false;
    if (answer.moved) {
        partition->ask_at = now;
        return;
    }
    if (answer.known)
        return take_known(answer, consumer, partitions_own(*partitions, number), partition, now);
    partition->ask_at = now + again_after;
    if (!partition->away)
        partition->away_since = now;
    partition->away = true;
    if (partition->trouble_until == 0)
        text_take(partition->reason, answer.reason.text);
    partitions->topic_at = std::min(partitions->topic_at, now + again_after);
}

// Asks for those that are due and of which the same is to be known.
void ask(KafkaPartitions *partitions, Consumer *consumer, bool all, RangeKind kind, bool refresh,
         TimestampTz now) {
    int32_t count = partitions->topic.partition_count;
    auto *due = static_cast<int32_t *>(palloc(sizeof(int32_t) * static_cast<size_t>(count + 1)));
    size_t asked = 0;
    for (int32_t i = 0; i < count; i++) {
        KafkaPartition *partition = &partitions->partition[i];
        bool own = partitions_own(*partitions, i);
        bool end = refresh || partition->read;
        bool known = !end && partition->range.low >= 0;
        if ((!own && (!all || known || partition->away)) || partition->asked || known ||
            partition->ask_at > now || end != (kind == RangeKind::end))
            continue;
        due[asked++] = i;
        partition->asked = true;
    }
    if (asked > 0 && !topic_ask_ranges(consumer, due, asked, kind))
        for (size_t i = 0; i < asked; i++) {
            partitions->partition[due[i]].asked = false;
            partitions->partition[due[i]].ask_at = now + again_after;
        }
    pfree(due);
}

} // namespace

void partitions_forget(KafkaPartitions *partitions, Consumer *consumer) {
    if (consumer != nullptr)
        topic_forget_ranges(consumer);
    partitions->known = false;
    partitions->topic_asked_at = partitions->topic_at = 0;
}

TopicNews partitions_look(KafkaPartitions *partitions, Consumer *consumer, Problem *problem) {
    TimestampTz now = GetCurrentTimestamp();
    TopicDescription found;
    switch (topic_take_answer(consumer, &found, problem)) {
    case AnswerState::given:
        partitions->answered = true;
        partitions->unanswered = 0;
        topic_answered(partitions,
                       now + (!found.exists || (partitions->known && partitions_any_away(*partitions))
                                  ? again_after
                                  : consumer_refresh_ms(consumer) * INT64CONST(1000)));
        return take_topic(partitions, found);
    case AnswerState::failed:
        partitions->unanswered++;
        topic_answered(partitions, now + again_after);
        return TopicNews::unreachable;
    case AnswerState::none:
        break;
    }
    if (partitions->topic_asked_at != 0 && now > partitions->topic_asked_at + answers_take) {
        partitions->unanswered++;
        topic_explain_silence(consumer, problem);
        topic_answered(partitions, now + again_after);
        return TopicNews::unreachable;
    }
    if (partitions->topic_at <= now)
        ask_topic(partitions, consumer, now);
    return TopicNews::none;
}

void partitions_ask(KafkaPartitions *partitions, Consumer *consumer, bool all, bool refresh) {
    TimestampTz now = GetCurrentTimestamp();
    RangeAnswer answer;
    while (topic_next_range(consumer, &answer))
        take_answer(partitions, consumer, answer, now);
    for (int32_t i = partitions->worker; i < partitions->topic.partition_count; i += partitions->workers) {
        KafkaPartition *partition = &partitions->partition[i];
        if (partition->read && partition->trouble_until != 0 && partition->trouble_until <= now) {
            partition->trouble_until = 0;
            partition->ask_at = now;
        }
    }
    ask(partitions, consumer, all, RangeKind::both, refresh, now);
    ask(partitions, consumer, all, RangeKind::end, refresh, now);
    while (topic_next_range(consumer, &answer)) // of those that have no leader
        take_answer(partitions, consumer, answer, now);
}

bool partitions_gather(const KafkaPartitions &partitions) {
    if (GetCurrentTimestamp() >= partitions.gather_until)
        return false;
    for (int32_t i = 0; i < partitions.topic.partition_count; i++)
        if (partitions.partition[i].asked && !partitions.partition[i].away)
            return true;
    return false;
}

bool partitions_to_join(const KafkaPartitions &partitions) {
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers)
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
    partition->ask_at = again ? now + again_after : now;
    partition->trouble_until = now + (again ? trouble_again_lasts : trouble_lasts);
    text_take(partition->reason, trouble.text);
}

void partitions_show(const KafkaPartitions &partitions, PartitionState otherwise) {
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers) {
        const KafkaPartition &partition = partitions.partition[i];
        PartitionState state = partition.away   ? PartitionState::away
                               : partition.read ? PartitionState::reading
                                                : otherwise;
        worker_stats_partition_state(i, state, partition.away ? partition.reason : "");
    }
}

bool partitions_explain(const KafkaPartitions &partitions, char *reason, char *hint) {
    int32_t first = -1;
    int more = 0;
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers) {
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
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers)
        if (partitions.partition[i].away)
            return true;
    return false;
}

bool partitions_misled(const KafkaPartitions &partitions, Consumer *consumer, TimestampTz away_for) {
    TimestampTz now = GetCurrentTimestamp();
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers) {
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
    for (int32_t i = partitions.worker; i < partitions.topic.partition_count; i += partitions.workers) {
        const KafkaPartition &partition = partitions.partition[i];
        bool joins = !partition.read && partition.range.low >= 0;
        next = std::min(next, joins || partition.asked ? now + again_after : partition.ask_at);
    }
    return static_cast<long>(std::clamp<TimestampTz>((next - now + 999) / 1000, 1, 60000));
}

} // namespace heartbeat
