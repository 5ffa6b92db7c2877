// The leader of a partition, as the last answer of topic_query.h has it, and what is wrong with that leader.
// These calls ask no broker.
#pragma once

#include "kafka/error.h"

#include <cstdint>

namespace heartbeat {

class Consumer;

// The leader's id, as the last answer had it.
inline constexpr int32_t no_leader = -1;
int32_t topic_leader(Consumer *consumer, int32_t partition) noexcept;

// Why nothing comes from the partition, as far as is known: that it has no leader, or what is wrong with the
// leader, with its address. `fallback` is what to say of a leader that nothing is known to be wrong with.
void topic_describe_leader(Consumer *consumer, int32_t partition, const char *fallback,
                           Error *reason) noexcept;

} // namespace heartbeat
