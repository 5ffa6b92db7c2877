// Whether librdkafka's client has to give way to a new one. The ingest worker asks at each step.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

struct ClientHealth {
    int tries;                   // after how many unanswered questions the client is replaced
    TimestampTz leader_patience; // how long a leader may be away before that
};

// Replacing it helps soon or not at all, so each time it takes longer until the next one is replaced.
// `connected`: a broker has answered it before, so that it is worth more patience.
bool client_is_useless(ClientHealth *health, KafkaPartitions *partitions, Consumer *consumer, bool connected);

} // namespace heartbeat
