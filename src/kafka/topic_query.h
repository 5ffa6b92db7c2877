// Questions to Kafka about the topic: whether it exists, its ids, its partitions and their leaders. No call
// waits: an answer is announced by the consumer's descriptor and is taken by another call. The headers of
// topic_leader and topic_ranges, which go with it, are included for its callers.
#pragma once

#include "kafka/consumer.h"
#include "kafka/topic_description.h"
#include "kafka/topic_leader.h"
#include "kafka/topic_ranges.h"

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
AnswerState topic_take_answer(Consumer *consumer, TopicDescription *topic, Error *error) noexcept;

// What to say where there is no answer for long.
void topic_explain_silence(Consumer *consumer, Error *error) noexcept;

// The partition's end as the last answer of the broker had it, or -1. Asks nobody. One that cannot be right
// is trouble, which the next consumer_fill() reports.
int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept;

} // namespace heartbeat
