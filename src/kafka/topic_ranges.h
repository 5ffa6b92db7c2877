// Questions to the leaders of partitions about offsets. No call waits: an answer is announced by the
// consumer's descriptor and is taken by another call. Each leader is asked by itself, so a leader that is
// away delays the answers for its own partitions only.
#pragma once

#include "kafka/range_answer.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Asks the leaders of these partitions, as the last answer of topic_take_answer() has them. A partition that
// is being asked for already is not asked for again. An answer comes for each partition, also where its
// leader is away.
bool topic_ask_ranges(Consumer *consumer, const int32_t *partitions, size_t count, RangeKind kind,
                      int64_t kafka_time = 0) noexcept;
bool topic_next_range(Consumer *consumer, RangeAnswer *answer) noexcept;
void topic_forget_ranges(Consumer *consumer) noexcept; // answers that are still to come are to nobody

// Other leaders have become known: the partitions that moved are to be asked for again. May throw
// std::bad_alloc.
void topic_take_moves(Consumer *consumer);

} // namespace heartbeat
