// Server half: which partitions an ingest worker reads and from where, decided anew after every connect, seek
// or doubt.
#pragma once

#include "control/shared_state.h"
#include "stream/topic_query.h"

namespace heartbeat {

enum class AssignmentResult {
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
    int worker;
    int workers;
    TopicDescription topic; // as it was found
    bool told;              // the log has where reading began
    char reason[state_text_size];
    char hint[state_text_size];
};

inline bool assignment_has(const Assignment &assignment, int32_t partition) {
    return partition < assignment.topic.partition_count &&
           partition % assignment.workers == assignment.worker;
}

// Worker, workers and what is known of the topic are given, the rest is filled in. Asks Kafka first, then
// reads heartbeat_offsets in a transaction of its own, compares both, obeys heartbeat.start_offset and
// heartbeat.offset_reset, and assigns.
AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment);

// What was found to be another topic, or another log of a partition: heartbeat_offsets is to say it.
void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count);

// What Kafka holds of this worker's partitions, for the lag that heartbeat_partitions shows while nothing is
// read.
void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
