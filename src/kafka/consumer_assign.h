// Assigns partitions to a consumer client, with the offsets to read from. No function of this file waits. A
// thread passes the assignment to librdkafka, and consumer_assign_state() returns whether librdkafka has
// taken the assignment. The ingest worker calls this file. A user's session also calls this file if the
// session itself reads messages, for example during a replay.
#pragma once

#include "kafka/error.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class Consumer;

// After this call the client reads these partitions, and no other partitions, from these positions. The
// client drops the messages that librdkafka queued before this call. If `count` is 0, the client reads no
// partition. Until librdkafka has taken the assignment, consumer_fill() adds no messages to the batch. If
// librdkafka refuses the assignment, consumer_fill() returns FillResult::trouble.
bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Error *error) noexcept;

// Adds these partitions to the assignment. The client continues to read the other partitions. Do not call
// this function while an assignment is under way.
bool consumer_join(Consumer *consumer, const PartitionPosition *positions, size_t count,
                   Error *error) noexcept;

// Removes this partition from the assignment. The client continues to read the other partitions. Do not call
// this function while an assignment is under way.
bool consumer_leave(Consumer *consumer, int32_t partition, Error *error) noexcept;

// Stops fetching messages of these partitions until the next consumer_assign().
void consumer_pause(Consumer *consumer, const int32_t *partitions, size_t count) noexcept;

enum class AssignState { taken, under_way, failed };
AssignState consumer_assign_state(Consumer *consumer, Error *error) noexcept;

// True while librdkafka has not taken the last assignment yet.
bool consumer_is_assigning(Consumer *consumer) noexcept;

// True if librdkafka has not taken the assignment within 10 seconds. The caller must then replace this
// client.
bool consumer_assign_hangs(const Consumer *consumer) noexcept;

} // namespace heartbeat
