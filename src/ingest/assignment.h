// Decides which Kafka partitions an ingest worker reads, and from which offsets. The worker decides this
// again after each connect, each seek and each mismatch, and for one partition when it can be read again.
// consumer_session.cpp and batch_cycle.cpp call it. It does not know how batches are stored.
#pragma once

#include "ingest/kafka_partitions.h"
#include "ingest/suspicion.h"

namespace heartbeat {

enum class AssignmentResult {
    asking, // Kafka has not answered yet
    assigned,
    unavailable, // the topic or a partition of the worker is not available: try again
    unreachable, // Kafka does not answer: try again
    outdated,    // the topic was recreated since the consumer client began: try again with a new client
    uninstalled, // the extension is not in the database
    failed,      // a person must decide how to continue
};

inline constexpr char brokers_hint[] =
    "Check that the brokers run, and check heartbeat.brokers and the file of heartbeat.kafka_config_file. "
    "heartbeat tries to connect again automatically. It reads a changed file after a reload of the "
    "configuration.";

struct Assignment {
    KafkaPartitions partitions;
    bool told;              // the worker has logged the offsets that it begins at
    int32_t end_partitions; // number of partitions when this worker began the topic at its end offsets
    Suspicions suspicions;
    char reason[state_text_size];
    char hint[state_text_size];
};

inline bool assignment_has(const Assignment &assignment, int32_t partition) {
    return partitions_own(assignment.partitions, partition);
}

// One step towards an assignment. It never waits for Kafka: call it again when Kafka has answered. It asks
// Kafka first, then reads heartbeat_offsets in a transaction of its own and compares the two. It obeys
// heartbeat.start_offset and heartbeat.offset_reset, and assigns the partitions that can be read.
AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment);

// While the worker reads: notices changes of the topic and its partitions. True: the worker must assign all
// partitions again.
bool assignment_tend(Consumer *consumer, Assignment *assignment);

// Assigns partitions that can be read again, while the worker reads the others. Call it when the worker has
// stored all messages that it has consumed.
AssignmentResult assignment_join(Consumer *consumer, Assignment *assignment);

// Marks in heartbeat_offsets that the topic was recreated, or that the log of a partition is another one.
void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count);

// Asks for the end offsets of this worker's partitions and takes the answers. heartbeat_partitions shows lag
// by them while the worker reads nothing.
void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment);

// Call it when nothing is assigned any more. The next assignment_make() asks Kafka for everything again.
void assignment_forget(Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
