// Which partitions a consumer reads, and from where. No call waits: librdkafka takes an assignment on a
// thread, and consumer_assign_state() tells when it has.
#pragma once

#include "kafka/error.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// Reads these partitions from these positions, and nothing that was queued before. Count 0 reads nothing.
// Until librdkafka has taken it, consumer_fill() gives nothing; where librdkafka refuses, trouble.
bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Error *error) noexcept;

// Reads these too, and goes on with the others. Not while an assignment is under way.
bool consumer_join(Consumer *consumer, const PartitionPosition *positions, size_t count,
                   Error *error) noexcept;

// Reads this one no more, and goes on with the others. Not while an assignment is under way.
bool consumer_leave(Consumer *consumer, int32_t partition, Error *error) noexcept;

// Fetches nothing more of these partitions, until partitions are assigned anew.
void consumer_pause(Consumer *consumer, const int32_t *partitions, size_t count) noexcept;

enum class AssignState { taken, under_way, failed };
AssignState consumer_assign_state(Consumer *consumer, Error *error) noexcept;

// Whether librdkafka has yet to take an assignment.
bool consumer_is_assigning(Consumer *consumer) noexcept;

// Whether librdkafka has taken longer for that than it should ever do: this client is of no more use.
bool consumer_assign_hangs(const Consumer *consumer) noexcept;

} // namespace heartbeat
