// Reads assigned partitions of one topic into batches. Every call is made by one thread, waits
// for nothing but consumer_close(), and never throws; librdkafka's own threads run no code of this project.
// What librdkafka may wait in runs on threads of their own: see question.h, and the table of all its calls in
// docs/how-it-works.md.
#pragma once

#include "decode/batch.h"
#include "kafka/kafka_config.h"
#include "kafka/partition_position.h"
#include "kafka/report.h"

namespace heartbeat {

class Consumer;

// What a process remembers of the messages that it has consumed, from one client to the next one. It lives as
// long as the process; nullptr: out of memory.
class ConsumerMemory;
ConsumerMemory *consumer_memory_create() noexcept;

// Without `memory` the client forgets what it has consumed when it is closed.
Consumer *consumer_open(const KafkaSettings &settings, Problem *problem,
                        ConsumerMemory *memory = nullptr) noexcept;

enum class CloseResult {
    closed,
    left_asking, // a question is under way: its thread closes the client when it comes back
    left,        // librdkafka did not let go of it in time, and keeps its memory and threads
};

// Waits no longer than consumer_close_ms, and less for a question. nullptr is fine.
inline constexpr int consumer_close_ms = 800;
CloseResult consumer_close(Consumer *consumer) noexcept;

// How many clients of this process have threads.
int consumer_clients() noexcept;

// Becomes readable when something is queued, or a question is answered; consumer_fill() until it is drained
// re-arms it. Look for answers after that.
int consumer_descriptor(const Consumer *consumer) noexcept;

// Reads these partitions from these positions, and nothing that was queued before. Count 0 reads nothing.
// Until librdkafka has taken it, consumer_fill() gives nothing; where librdkafka refuses, trouble.
bool consumer_assign(Consumer *consumer, const PartitionPosition *positions, size_t count,
                     Problem *problem) noexcept;

// Reads these too, and goes on with the others. Not while an assignment is under way.
bool consumer_join(Consumer *consumer, const PartitionPosition *positions, size_t count,
                   Problem *problem) noexcept;

// Reads this one no more, and goes on with the others. Not while an assignment is under way.
bool consumer_leave(Consumer *consumer, int32_t partition, Problem *problem) noexcept;

// Fetches nothing more of these partitions, until partitions are assigned anew.
void consumer_pause(Consumer *consumer, const int32_t *partitions, size_t count) noexcept;

enum class AssignState { taken, under_way, failed };
AssignState consumer_assign_state(Consumer *consumer, Problem *problem) noexcept;

// Whether librdkafka has yet to take an assignment.
bool consumer_is_assigning(Consumer *consumer) noexcept;

// Whether librdkafka has taken longer for that than it should ever do: this client is of no more use.
bool consumer_assign_hangs(const Consumer *consumer) noexcept;

bool consumer_next_trouble(Consumer *consumer, PartitionTrouble *trouble) noexcept;

// Empties the descriptor, and while nothing is assigned takes what librdkafka has to say. For who waits for
// an answer.
void consumer_listen(Consumer *consumer) noexcept;

// Decodes what is queued into the batch, without waiting.
FillResult consumer_fill(Consumer *consumer, Batch *batch) noexcept;

// The same on a thread of its own, while the caller does something else than read; it seals a batch that gets
// full. Every other call waits for it to end, but those that touch nothing that the thread does:
// consumer_descriptor, consumer_refresh_ms and consumer_stored. False: there is no thread, and nothing was
// done.
bool consumer_fill_ahead(Consumer *consumer, Batch *batch) noexcept;
FillResult consumer_ahead_result(Consumer *consumer) noexcept;
void consumer_settle(Consumer *consumer) noexcept; // waits for it to end; nullptr is fine

// The batch will grow no more: the next one begins where it ends.
void consumer_advance(Consumer *consumer, Batch *batch) noexcept;

// The batch is stored.
void consumer_stored(Consumer *consumer, const Batch *batch) noexcept;

// Commits the stored positions to the Kafka group, for tools that show lag; never read back, so failing is
// harmless and told by a note.
void consumer_mirror_positions(Consumer *consumer) noexcept;

// Whether the group's coordinator has yet to answer that, and whether it takes long: meanwhile librdkafka
// begins to read no partition that is assigned.
bool consumer_is_committing(Consumer *consumer) noexcept;
bool consumer_commit_hangs(Consumer *consumer) noexcept;

// True once after that did not work, as while the group's coordinator is being found: do it again later.
bool consumer_mirror_failed(Consumer *consumer) noexcept;

// True, with *loss filled in, once for each loss: Kafka did not know the topic or a partition, or the log of
// a partition was found to be another one.
bool consumer_lost_topic(Consumer *consumer, TopicLoss *loss) noexcept;

// How often the topic is to be looked at, in milliseconds: topic.metadata.refresh.interval.ms.
int consumer_refresh_ms(const Consumer *consumer) noexcept;

// Whether anything, a message or the end of a partition, has been read since the last assignment; true of one
// of no partition.
bool consumer_heard(Consumer *consumer) noexcept;

// What the last FillResult::trouble was about, as a text that holds until something is read again, and
// whether it was that no broker is left.
const char *consumer_trouble(Consumer *consumer) noexcept;
bool consumer_lost_brokers(Consumer *consumer) noexcept;

// Whether any broker throttles this client, and the one that does most.
bool consumer_throttled(Consumer *consumer, ConsumerThrottle *throttle) noexcept;

const char *consumer_library_version() noexcept; // librdkafka's

bool consumer_next_note(Consumer *consumer, ConsumerNote *note) noexcept;

} // namespace heartbeat
