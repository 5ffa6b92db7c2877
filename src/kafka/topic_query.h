// Questions to Kafka about the topic: whether it exists, its ids, its partitions and their leaders. No call
// waits. When there is an answer, the consumer's descriptor becomes readable, and topic_take_answer() takes
// the answer. This header includes topic_leader.h and topic_ranges.h for its callers.
#pragma once

#include "kafka/consumer.h"
#include "kafka/topic_description.h"
#include "kafka/topic_leader.h"
#include "kafka/topic_ranges.h"

namespace heartbeat {

enum class AnswerState {
    none,   // the answer has not come yet, or there was no question
    given,  // *topic is the answer; topic->exists is false if the topic does not exist
    failed, // no question is under way, and the last question has failed: *error has the reason
};

// Asks a connected broker about the topic. This broker may never answer, so call the function again until
// there is an answer. Each call can ask another broker, and topic_take_answer() takes the first answer.
bool topic_ask(Consumer *consumer) noexcept; // returns false if there is no memory or no thread
bool topic_is_asked(Consumer *consumer) noexcept;
AnswerState topic_take_answer(Consumer *consumer, TopicDescription *topic, Error *error) noexcept;

// Sets the error text for a question that has had no answer for a long time.
void topic_explain_silence(Consumer *consumer, Error *error) noexcept;

// Returns the last high watermark of the partition that librdkafka has received from a broker, or -1. The
// function does not ask a broker. If the high watermark is above offset_max, the function returns -1, and the
// next consumer_fill() returns FillResult::trouble.
int64_t topic_high_watermark(Consumer *consumer, int32_t partition) noexcept;

} // namespace heartbeat
