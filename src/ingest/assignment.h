// Which partitions an ingest worker reads and from where, decided anew after every connect, seek
// or mismatch, and of a partition when it can be read again.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

enum class AssignmentResult {
    asking, // the answers are still to come
    assigned,
    unavailable, // the topic, or what is asked of it, is not there: try again
    unreachable, // Kafka does not answer: try again
    outdated,    // the client knew another topic by that name: try again with a new one
    uninstalled, // the extension is not there
    failed,      // needs a person
};

inline constexpr char brokers_hint[] = "Check that the brokers run, heartbeat.brokers, and the file that "
                                       "heartbeat.kafka_config_file names; connecting goes on by itself, "
                                       "with a changed file after a reload.";

struct Assignment {
    KafkaPartitions partitions;
    bool told;              // the log has where reading began
    int32_t end_partitions; // so many were there when this worker began the topic at their ends
    char reason[state_text_size];
    char hint[state_text_size];
};

inline bool assignment_has(const Assignment &assignment, int32_t partition) {
    return partitions_own(assignment.partitions, partition);
}

// One step towards an assignment, which waits for nothing from Kafka: call it again when something is
// answered. Asks Kafka first, then reads heartbeat_offsets in a transaction of its own, compares both, obeys
// heartbeat.start_offset and heartbeat.offset_reset, and assigns the partitions that can be read.
AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment);

// While it reads: notices what becomes of the topic and its partitions. True: all is to be assigned anew.
bool assignment_tend(Consumer *consumer, Assignment *assignment);

// The same for partitions that can be read again, while the others are. Call it when nothing that was
// consumed waits to be stored.
AssignmentResult assignment_join(Consumer *consumer, Assignment *assignment);

// What was found to be another topic, or another log of a partition: heartbeat_offsets is to say it.
void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count);

// Asks for what Kafka holds of this worker's partitions, for the lag that heartbeat_partitions shows while
// nothing is read, and takes the answers.
void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment);

// Nothing is assigned any more, and all is to be asked again.
void assignment_forget(Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
