// The connection of a source reader to Kafka: its consumer client, its assignment and its current batch. The
// steps of the reader (reader_*.cpp) call this file. This file does not depend on the phases of the reader.
#pragma once

#include "ingest/batch_cycle.h"
#include "ingest/hand_over.h"

namespace heartbeat {

// The largest number of losses (see TopicLoss) that the session keeps. The worker drops further losses, but
// finds them again later.
inline constexpr int losses_kept = 32;

// Shows whether Kafka has reported errors since the last message from Kafka.
enum class Trouble : uint8_t {
    none,
    first,
    repeated, // Kafka had reported another error shortly before the last error
};

struct ConsumerSession {
    const Source *source;
    WakeTarget wake;    // the pipe that the client writes to, and the number of the source reader
    Consumer *consumer; // nullptr: not connected
    ConsumerMemory *memory;
    Assignment assignment;
    BatchCycle cycle;
    HandOver hand_over;
    Trouble trouble;
    MonotonicTime troubled_at; // when Kafka last reported an error
    int loss_count;            // number of losses that are not marked in heartbeat_offsets yet
    TopicLoss losses[losses_kept];
    char client_id[64];
    int fetch_wait_ms; // see KafkaSettings
};

// Returns false if a setting is wrong. *error then describes the mistake.
bool consumer_session_open(ConsumerSession *session, Error *error);

// Closes the consumer client if the session has one. The function does not wait for librdkafka. `assigned` is
// true if partitions are assigned. Several consumer clients can share one client of librdkafka. If `retire`
// is true, consumer_session_open() does not use the present client of librdkafka again.
void consumer_session_close(ConsumerSession *session, bool assigned, bool retire);

// Frees the memory of the closed clients that librdkafka has destroyed. If too many closed clients hang (see
// hanging_max in consumer_session.cpp), the function ends the process, and the launcher starts a new worker.
// Returns true while some clients are still closing. The caller must then call the function again soon.
bool consumer_session_free_closed(int sources);

// Stops reading, and forgets Kafka's answers about the partitions. `assigned` is true if partitions are
// assigned. The worker drops the messages that it has not stored. Later the worker reads these messages again
// from the stored offsets.
void consumer_session_stop(ConsumerSession *session, bool assigned);

// Decodes queued messages into the batch, and takes librdkafka's events.
void consumer_session_fill(ConsumerSession *session, SourceSlot *slot);

// Takes librdkafka's events and drops the batch. Call this function while the worker has no assigned
// partition.
void consumer_session_drain(ConsumerSession *session, SourceSlot *slot);

// Validates the stored offsets, and assigns the partitions: see assignment_make().
AssignmentResult consumer_session_assign(ConsumerSession *session, SourceSlot *slot);

enum class PartitionChange : uint8_t {
    none,
    join,  // assign partitions that have become available
    leave, // hand a partition over that hand_over_choose() has chosen
};

// Returns the change that is due. A necessary change is due when the worker has stored its batch. Until then,
// the worker consumes no more messages.
PartitionChange consumer_session_due_change(ConsumerSession *session);

// Makes the change that consumer_session_due_change() has just returned.
AssignmentResult consumer_session_change_partitions(ConsumerSession *session, PartitionChange change);

} // namespace heartbeat
