// Watches the topic. While a leader is unavailable, the worker asks about the topic each second. Without this
// question, librdkafka would learn of another leader only at its next metadata refresh, up to a minute later.
// assignment.cpp calls this file in each step of a source reader.
#include "server/server.h"

#include "ingest/topic_watch.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz another_broker_after = 700000; // microseconds: then ask another broker
constexpr TimestampTz answers_take = 2500000;        // microseconds: then the cluster counts as unreachable
constexpr TimestampTz gather_for = USECS_PER_SEC;

// librdkafka sends a question about the topic to the broker that received librdkafka's last request. So if a
// worker reads from only one broker, librdkafka always asks this broker, even while the broker is frozen.
// This function sends a request to each available leader, so that librdkafka then asks another broker about
// the topic. The request asks for the end offset of one of the leader's partitions, even if another worker
// reads this partition. heartbeat does not use the answers.
void ask_other_leaders(const KafkaPartitions &partitions, Consumer *consumer) {
    int32_t count = partitions.topic.partition_count;
    auto *chosen = static_cast<int32_t *>(palloc(sizeof(int32_t) * static_cast<size_t>(count + 1)));
    auto *seen = static_cast<int32_t *>(palloc(sizeof(int32_t) * static_cast<size_t>(count + 1)));
    int32_t *seen_end = seen;
    size_t asked = 0;
    partitions_each_own(partitions, [&](int32_t i) {
        if (partitions.partition[i].away)
            *seen_end++ = topic_leader(consumer, i);
    });
    for (int32_t i = 0; i < count; i++) {
        int32_t leader = topic_leader(consumer, i);
        if (leader == no_leader || std::find(seen, seen_end, leader) != seen_end)
            continue;
        *seen_end++ = leader;
        chosen[asked++] = i;
    }
    if (asked > 0)
        topic_ask_ranges(consumer, chosen, asked, RangeKind::end);
    pfree(seen);
    pfree(chosen);
}

void ask_topic(KafkaPartitions *partitions, Consumer *consumer, MonotonicTime now) {
    if (partitions->known && topic_is_asked(consumer) && partitions_any_away(*partitions))
        ask_other_leaders(*partitions, consumer);
    if (!topic_ask(consumer))
        return;
    if (partitions->topic_asked_at == 0)
        partitions->topic_asked_at = now;
    partitions->topic_at = now + another_broker_after;
}

void topic_answered(KafkaPartitions *partitions, MonotonicTime next) {
    partitions->topic_asked_at = 0;
    partitions->topic_at = next;
}

// Makes room for the partitions of the topic. Forgets the state of partition `before` and of all partitions
// with higher numbers.
void make_room(KafkaPartitions *partitions, int32_t before) {
    int32_t count = partitions->topic.partition_count;
    if (count > partitions->room) {
        auto *fresh = static_cast<KafkaPartition *>(
            MemoryContextAllocZero(partitions->context, sizeof(KafkaPartition) * static_cast<size_t>(count)));
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
    partitions_set_own(partitions, before);
}

TopicNews take_topic(KafkaPartitions *partitions, const TopicDescription &found) {
    TopicDescription before = partitions->topic;
    partitions->topic_is_old = false;
    if (!found.exists) {
        partitions->known = false;
        return TopicNews::missing;
    }
    // If a topic is recreated while a client reads it, and librdkafka fetches messages by the topic's id, the
    // client gets no more messages. So the worker opens a new client.
    bool other = !topic_is_same(before, found);
    bool fewer = partitions->known && found.partition_count < before.partition_count;
    bool first = !partitions->known;
    partitions->topic = found;
    if (other || fewer) {
        make_room(partitions, std::min(before.partition_count, found.partition_count));
        partitions->known = false;
        partitions->topic_at = 0;
        return other ? TopicNews::other : TopicNews::fewer;
    }
    make_room(partitions, first ? 0 : before.partition_count);
    partitions->known = true;
    if (first)
        partitions->gather_until = monotonic_now() + gather_for;
    return TopicNews::found;
}

} // namespace

void topic_watch_forget(KafkaPartitions *partitions, Consumer *consumer) {
    if (consumer != nullptr)
        topic_forget_ranges(consumer);
    partitions->known = false;
    partitions->topic_asked_at = partitions->topic_at = 0;
}

TopicNews topic_watch_look(KafkaPartitions *partitions, Consumer *consumer, Error *error) {
    MonotonicTime now = monotonic_now();
    TopicDescription found;
    switch (topic_take_answer(consumer, &found, error)) {
    case AnswerState::given:
        partitions->answered = true;
        partitions->unanswered = 0;
        topic_answered(partitions,
                       now + (!found.exists || (partitions->known && partitions_any_away(*partitions))
                                  ? partitions_ask_again_after
                                  : consumer_refresh_ms(consumer) * INT64CONST(1000)));
        return take_topic(partitions, found);
    case AnswerState::failed:
        partitions->unanswered++;
        topic_answered(partitions, now + partitions_ask_again_after);
        return TopicNews::unreachable;
    case AnswerState::none:
        break;
    }
    // a question needs two requests to a broker, and each request can wait until the broker has answered a
    // fetch request
    MonotonicTime patience = answers_take + INT64CONST(2000) * consumer_fetch_delay_ms(consumer);
    if (partitions->topic_asked_at != 0 && now > partitions->topic_asked_at + patience) {
        partitions->unanswered++;
        topic_explain_silence(consumer, error);
        topic_answered(partitions, now + partitions_ask_again_after);
        return TopicNews::unreachable;
    }
    if (partitions->topic_at <= now)
        ask_topic(partitions, consumer, now);
    return TopicNews::none;
}

} // namespace heartbeat
