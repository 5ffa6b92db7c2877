// Server half: which partitions an ingest worker reads and from where, decided anew after every connect, seek
// or doubt.
#pragma once

#include "control/shared_state.h"
#include "stream/topic_query.h"

namespace heartbeat {

enum class AssignmentResult {
    assigned,
    unavailable, // Kafka or the topic is not there: try again
    uninstalled, // the extension is not there
    failed,      // needs a person
};

struct Assignment {
    int worker;
    int workers;
    int32_t partition_count; // of the topic
    char reason[state_text_size];
    char hint[state_text_size];
};

// Worker and workers are given, the rest is filled in. Asks Kafka first, then reads heartbeat_offsets in a
// transaction of its own, compares both, obeys heartbeat.start_offset and heartbeat.offset_reset, and
// assigns.
AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment);

// Kafka has said that it does not know the topic: whatever has its name from now on is another one.
void assignment_mark_lost();

// What Kafka holds of this worker's partitions, for the lag that heartbeat_partitions shows while nothing is
// read.
void assignment_refresh_watermarks(Consumer *consumer, const Assignment *assignment);

} // namespace heartbeat
