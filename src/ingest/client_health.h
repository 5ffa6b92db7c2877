// Decides whether a new consumer client must replace the present one. worker_client.cpp asks at each step.
// It closes and opens no client itself.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

struct ClientHealth {
    int tries;                   // number of unanswered questions after which the client is replaced
    TimestampTz leader_patience; // how long a leader may be away before the client is replaced
};

// A new client helps soon or not at all. So each replacement doubles the time until the next one.
// `connected`: a broker has answered this client before, so it gets more tries.
bool client_is_useless(ClientHealth *health, KafkaPartitions *partitions, Consumer *consumer, bool connected);

} // namespace heartbeat
