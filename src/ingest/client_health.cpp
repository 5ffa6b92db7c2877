// Detects two faults of librdkafka: the client has forgotten all brokers, or the client ignores the leaders
// of a restored cluster. Only a new client ends these faults.
#include "server/server.h"

#include "ingest/client_health.h"

namespace heartbeat {

namespace {

constexpr int tries_min = 2;           // the worker waits about 3 s for each answer
constexpr int tries_min_connected = 6; // more than tries_min, because a connected broker may only be slow
constexpr int tries_max = 20;
constexpr TimestampTz leader_patience_min = 10 * USECS_PER_SEC;
constexpr TimestampTz leader_patience_max = 80 * USECS_PER_SEC;

// Returns true if the client seems to have forgotten all brokers. A broker that has just started can report
// an empty list of brokers. librdkafka 2.10 and newer then forgets all brokers, and never looks for a broker
// again (librdkafka's issue 5301).
bool is_deaf(ClientHealth *health, KafkaPartitions *partitions, bool connected) {
    bool patient = connected && !partitions_any_away(*partitions);
    if (partitions->answered)
        health->tries = 0;
    partitions->answered = false;
    health->tries = std::max(health->tries, patient ? tries_min_connected : tries_min);
    if (partitions->unanswered < health->tries)
        return false;
    partitions->unanswered = 0;
    health->tries = std::min(health->tries * 2, tries_max);
    return true;
}

// Returns true if the client seems to ignore a leader. In a cluster whose volumes were restored, the leader
// epochs can be lower than the epochs that the client has seen. librdkafka 2.1 and newer then ignores the
// leaders in the metadata. A new client does not know the earlier epochs, so it accepts these leaders.
bool is_misled(ClientHealth *health, const KafkaPartitions &partitions, Consumer *consumer) {
    health->leader_patience = std::max(health->leader_patience, leader_patience_min);
    if (!partitions_any_away(partitions))
        health->leader_patience = leader_patience_min;
    if (!partitions_misled(partitions, consumer, health->leader_patience))
        return false;
    health->leader_patience = std::min(health->leader_patience * 2, leader_patience_max);
    return true;
}

} // namespace

bool client_is_useless(ClientHealth *health, KafkaPartitions *partitions, Consumer *consumer,
                       bool connected) {
    return is_deaf(health, partitions, connected) || is_misled(health, *partitions, consumer);
}

} // namespace heartbeat
