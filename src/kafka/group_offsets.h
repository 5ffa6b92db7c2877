// Commits offsets to the Kafka group, for tools that show consumer lag. heartbeat never reads these offsets.
#pragma once

namespace heartbeat {

class Consumer;

// Commits the stored positions to the Kafka group. The function commits nothing while this consumer's earlier
// commit waits for its answer, or while a consumer of the same client begins to read partitions.
// consumer_group_commit_failed() then returns true. After an error the function only adds a message for the
// log, because heartbeat does not need the committed offsets.
void consumer_commit_group_offsets(Consumer *consumer) noexcept;

// consumer_is_committing() returns true until the group coordinator has answered this consumer's commit. The
// function also returns true if a commit of another consumer of the same client has had no answer for 200 ms.
// consumer_commit_hangs() returns true if a commit has had no answer for 2 seconds. While a commit has no
// answer, librdkafka does not begin to read newly assigned partitions. So the caller adds partitions only
// while consumer_is_committing() returns false.
bool consumer_is_committing(Consumer *consumer) noexcept;
bool consumer_commit_hangs(Consumer *consumer) noexcept;

// Returns true if a commit has failed since the last call, or if consumer_commit_group_offsets() could not
// commit yet. A commit fails, for example, if librdkafka has not found the group coordinator yet. The caller
// must commit again later.
bool consumer_group_commit_failed(Consumer *consumer) noexcept;

} // namespace heartbeat
