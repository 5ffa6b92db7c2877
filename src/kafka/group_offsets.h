// The committed offsets of the Kafka group. Only tools that show consumer lag read them; heartbeat never
// does.
#pragma once

namespace heartbeat {

class Consumer;

// Commits the stored positions to the Kafka group, for tools that show lag; never read back, so failing is
// harmless and told by a note.
void consumer_commit_group_offsets(Consumer *consumer) noexcept;

// Whether the group's coordinator has yet to answer that, and whether it takes long: meanwhile librdkafka
// begins to read no partition that is assigned.
bool consumer_is_committing(Consumer *consumer) noexcept;
bool consumer_commit_hangs(Consumer *consumer) noexcept;

// True once after that did not work, as while the group's coordinator is being found: do it again later.
bool consumer_group_commit_failed(Consumer *consumer) noexcept;

} // namespace heartbeat
