// Questions to the leaders of partitions about offsets. No call waits. When there is an answer, the
// consumer's descriptor becomes readable, and topic_next_range() takes the answer. Each leader gets a
// question of its own, so a leader that is away delays only the answers for its own partitions.
#pragma once

#include "kafka/range_answer.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Asks the leaders of these partitions. The function finds the leaders in the last answer that
// topic_take_answer() took. If a question about a partition is already under way, the function does not ask
// again. Each partition gets an answer, even if its leader is away.
bool topic_ask_ranges(Consumer *consumer, const int32_t *partitions, size_t count, RangeKind kind,
                      int64_t kafka_time = 0) noexcept;
bool topic_next_range(Consumer *consumer, RangeAnswer *answer) noexcept;
void topic_forget_ranges(Consumer *consumer) noexcept; // drops all questions and answers

// Describes the leader of a partition after the caller has waited `seconds` for an answer of this leader. The
// text says whether the leader throttles this client.
void topic_explain_silent_leader(Consumer *consumer, int32_t partition, int seconds, Error *reason) noexcept;

// Returns true if another consumer of librdkafka's client asks the partition's leader for end offsets, and
// notices when the leader no longer answers. Then `consumer` need not ask the leader itself:
// `consumer` reads the partition, so librdkafka's fetches bring the end offsets. If topic_watch_news()
// returns another value than before, call topic_others_ask() again for each partition.
bool topic_others_ask(Consumer *consumer, int32_t partition) noexcept;
uint64_t topic_watch_news(const Consumer *consumer) noexcept;

} // namespace heartbeat
