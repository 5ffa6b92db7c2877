// An ingest worker's end of Kafka: the client, what is assigned to it, and the batch that is
// being filled.
#pragma once

#include "ingest/batch_cycle.h"

namespace heartbeat {

inline constexpr int losses_kept = 32; // what is found beyond is found again

struct ConsumerSession {
    Consumer *consumer; // nullptr: not connected
    ConsumerMemory *memory;
    Assignment assignment;
    BatchCycle cycle;
    bool assigned;
    bool troubled;  // Kafka reported an error, and has not delivered anything since
    int loss_count; // found, and heartbeat_offsets does not say it yet
    TopicLoss losses[losses_kept];
    char client_id[64];
};

// False with *error filled in: a setting is wrong.
bool consumer_session_open(ConsumerSession *session, Error *error);

// Ends the process where librdkafka does not let go of the client; the launcher starts another in its place.
void consumer_session_close(ConsumerSession *session);

// Has the client closed when the process exits; call it once.
void consumer_session_close_at_exit(ConsumerSession *session);

// What was consumed and not stored is read again from the stored position.
void consumer_session_stop(ConsumerSession *session);

// Decodes what is queued into the batch, and takes what librdkafka has to say.
void consumer_session_fill(ConsumerSession *session, WorkerSlot *slot);

// The latter alone, while nothing is assigned.
void consumer_session_drain(ConsumerSession *session, WorkerSlot *slot);

// A step towards comparing positions with what Kafka has, and assigning.
AssignmentResult consumer_session_assign(ConsumerSession *session, WorkerSlot *slot);

// Has partitions read that can be read again, once what is in hand is stored; until then nothing more is
// consumed.
AssignmentResult consumer_session_join(ConsumerSession *session);

} // namespace heartbeat
