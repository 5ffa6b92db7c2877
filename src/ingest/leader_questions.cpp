// Asks the leaders of Kafka partitions for the offsets of the partitions. This file asks for the end offsets
// every two seconds. So the worker also notices a leader that does not answer. If several source readers
// share a Kafka client, only one reader asks a leader, and the other readers take the high watermarks that
// arrive with the messages. But if this leader does not answer, each reader asks it. assignment.cpp calls
// this file in each step of a reader.
#include "server/server.h"

#include "ingest/leader_questions.h"
#include "monitor/worker_stats.h"
#include "server/text.h"

namespace heartbeat {

namespace {

constexpr TimestampTz ends_every = 2 * USECS_PER_SEC;
// If another reader asks the leader of a partition, this reader does not ask, but takes the high watermark
// from librdkafka at this interval. It then also checks whether the other reader still asks the leader. The
// interval must be shorter than watermark_lasts_s.
constexpr TimestampTz look_every = 10 * USECS_PER_SEC;
static_assert(look_every < watermark_lasts_s * USECS_PER_SEC);
// The worker waits this time between its question about the topic and its questions to the leaders.
constexpr TimestampTz again_soon = USECS_PER_SEC / 2;

void take_known(KafkaPartitions *partitions, const RangeAnswer &answer, Consumer *consumer,
                MonotonicTime now) {
    int32_t number = answer.range.partition;
    KafkaPartition *partition = &partitions->partition[number];
    if (answer.kind == RangeKind::both && !partition->read)
        partition->range = answer.range;
    if (partition->trouble_until == 0)
        partition->away = false;
    partition->ask_at = now + ends_every;
    // The leader answers with the last stable offset. While a transaction of a producer is open, the last
    // stable offset can be lower than the high watermark.
    if (partitions_own(*partitions, number))
        worker_stats_high_watermark(partitions_key(*partitions, number),
                                    std::max(answer.range.high, topic_high_watermark(consumer, number)));
}

void take_answer(KafkaPartitions *partitions, Consumer *consumer, const RangeAnswer &answer,
                 MonotonicTime now) {
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
        return take_known(partitions, answer, consumer, now);
    partition->ask_at = now + partitions_ask_again_after;
    if (!partition->away)
        partition->away_since = now;
    MonotonicTime topic_at =
        partition->away ? now + partitions_ask_again_after : now; // another broker may be the leader now
    partition->away = true;
    if (partition->trouble_until == 0)
        text_take(partition->reason, answer.reason.text);
    partitions->topic_at = std::min(partitions->topic_at, topic_at);
}

// Takes the high watermark from the leader's last answer to a fetch request. This high watermark is recent:
// the leader answers another reader, so it also answers the fetch requests. Returns false if no such answer
// has arrived yet.
bool take_fetched(const KafkaPartitions &partitions, Consumer *consumer, int32_t number) {
    int64_t high = topic_high_watermark(consumer, number);
    if (high >= 0)
        worker_stats_high_watermark(partitions_key(partitions, number), high);
    return high >= 0;
}

// Asks the leaders for offsets of the kind `kind`. The function skips a partition if the next question about
// the partition is not due, or if the worker needs no offset of this kind from the partition.
void ask(KafkaPartitions *partitions, Consumer *consumer, bool all, RangeKind kind, bool refresh,
         MonotonicTime now) {
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
        if (partition->read && !partition->away && topic_others_ask(consumer, i) &&
            take_fetched(*partitions, consumer, i)) {
            partition->ask_at = now + look_every;
            continue;
        }
        due[asked++] = i;
        partition->asked = true;
    }
    if (asked > 0 && !topic_ask_ranges(consumer, due, asked, kind))
        for (size_t i = 0; i < asked; i++) {
            partitions->partition[due[i]].asked = false;
            partitions->partition[due[i]].ask_at = now + partitions_ask_again_after;
        }
    pfree(due);
}

} // namespace

void leader_questions_ask_anew(KafkaPartitions *partitions) {
    MonotonicTime now = monotonic_now();
    partitions->topic_at = now;
    partitions->topic_is_old = true;
    partitions_each_own(*partitions, [&](int32_t i) {
        KafkaPartition *partition = &partitions->partition[i];
        if (partition->read)
            return;
        partition->range = {i, -1, -1};
        partition->ask_at = now + again_soon;
    });
}

void leader_questions_ask(KafkaPartitions *partitions, Consumer *consumer, bool all, bool refresh) {
    MonotonicTime now = monotonic_now();
    RangeAnswer answer;
    while (topic_next_range(consumer, &answer))
        take_answer(partitions, consumer, answer, now);
    uint64_t watch_news = topic_watch_news(consumer);
    bool look = watch_news != partitions->watch_news;
    partitions->watch_news = watch_news;
    partitions_each_own(*partitions, [&](int32_t i) {
        KafkaPartition *partition = &partitions->partition[i];
        if (look && partition->read && !partition->away)
            partition->ask_at = now;
        if (partition->read && partition->trouble_until != 0 && partition->trouble_until <= now) {
            partition->trouble_until = 0;
            partition->ask_at = now;
        }
    });
    ask(partitions, consumer, all, RangeKind::both, refresh, now);
    ask(partitions, consumer, all, RangeKind::end, refresh, now);
    while (topic_next_range(consumer, &answer)) // librdkafka answers at once for partitions without a leader
        take_answer(partitions, consumer, answer, now);
}

} // namespace heartbeat
