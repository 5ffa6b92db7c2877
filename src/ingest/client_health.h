// Decides whether a new consumer client must replace the current client. reader_client.cpp calls this file in
// the steps of a source reader. This file closes and opens no client itself.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

struct ClientHealth {
    int tries; // after this number of unanswered questions, the worker replaces the client
    // when a leader has been unavailable for this time, the worker replaces the client
    TimestampTz leader_patience;
};

// Returns whether a new client must replace this client. After each replacement, the time until the next
// replacement doubles: if one new client did not help, another new client probably does not help. `connected`
// is true if a broker has answered this client before. For such a client the function waits for more
// unanswered questions, because the broker may only be slow. But while one of the worker's partitions is
// unavailable, `connected` has no effect.
bool client_is_useless(ClientHealth *health, KafkaPartitions *partitions, Consumer *consumer, bool connected);

} // namespace heartbeat
