// Finds the leader of a partition, and describes the fault of this leader. These functions use the last
// answer that topic_query.h has got from Kafka, and do not ask a broker.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

class Consumer;

// topic_leader() returns the leader's id from the last answer, or no_leader.
inline constexpr int32_t no_leader = -1;
int32_t topic_leader(Consumer *consumer, int32_t partition) noexcept;

// Describes why no messages of the partition arrive: the partition has no leader, or the leader has a fault.
// The text has the leader's address. `fallback` is the text for a leader without a known error.
void topic_describe_leader(Consumer *consumer, int32_t partition, const char *fallback,
                           Error *reason) noexcept;

} // namespace heartbeat
