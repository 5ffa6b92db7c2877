// Questions to Kafka about the topic. None waits: an answer is announced by the consumer's
// descriptor and is taken by another call. Each partition's leader is asked for itself, so a leader that is
// away keeps nobody waiting but those who want to know of its own partitions.
#pragma once

#include "kafka/consumer.h"
#include "kafka/topic_description.h"

namespace heartbeat {

enum class AnswerState {
    none,   // it is still to come, or nothing was asked
    given,  // a missing topic is an answer
    failed, // the cluster could not be asked
};

// Asks for the topic: of any broker that is up, which may be one that does not answer. Asking again before
// there is an answer asks another one; the first answer counts.
bool topic_ask(Consumer *consumer) noexcept; // false: there is no memory or no thread
bool topic_is_asked(Consumer *consumer) noexcept;
AnswerState topic_take_answer(Consumer *consumer, TopicDescription *topic, Problem *problem) noexcept;

// What to say where there is no answer for long.
void topic_explain_silence(Consumer *consumer, Problem *problem) noexcept;

// Who leads the partition, as the last answer had it.
inline constexpr int32_t no_leader = -1;
int32_t topic_leader(Consumer *consumer, int32_t partition) noexcept;

// Why nothing comes from the partition, as far as is known: that it has no leader, or what is wrong with the
// leader, with its address. `fallback` is what to say of a leader that nothing is known to be wrong with.
void topic_describe_leader(Consumer *consumer, int32_t partition, const char *fallback,
                           Problem *reason) noexcept;

// Kafka holds offsets low <= offset < high of the partition, and high is at most offset_max.
struct PartitionRange {
    int32_t partition;
    int64_t low; // -1: not known, and neither is high
    int64_t high;
};

enum class RangeKind {
    both, // what Kafka holds of the partition
    end,  // high alone; low is 0
    time, // low is the first offset whose Kafka timestamp is at or after a time, or the partition's end; high
          // is too
};

struct RangeAnswer {
    RangeKind kind;
    bool known;
    bool wrong; // the broker has answered what cannot be
    bool moved; // it is to be asked for again: another broker leads it now, or its leader delays answers
    PartitionRange range;
    Problem reason; // why it is not known
};

// Asks the leaders of these partitions, as the last answer of topic_take_answer() has them. A partition that
// is being asked for already is not asked for again. An answer comes for each partition, also where its
// leader is away.
bool topic_ask_ranges(Consumer *consumer, const int32_t *partitions, size_t count, RangeKind kind,
                      int64_t kafka_time = 0) noexcept;
bool topic_next_range(Consumer *consumer, RangeAnswer *answer) noexcept;
void topic_forget_ranges(Consumer *consumer) noexcept; // answers that are still to come are to nobody

// The partition's end as the last answer of the broker had it, or -1. Asks nobody. One that cannot be right
// is trouble, which the next consumer_fill() reports.
int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept;

} // namespace heartbeat
