// Decides which Kafka partitions an ingest worker reads, and at which offsets the worker begins. The worker
// makes this decision after each connection to Kafka, after each seek, and when a stored offset does not
// match Kafka's log. When an unavailable Kafka partition becomes available, the worker decides about this
// Kafka partition, and continues to read the others. consumer_session.cpp and batch_cycle.cpp call this file.
// This file does not depend on how the worker stores batches.
#pragma once

#include "ingest/kafka_partitions.h"
#include "ingest/suspicion.h"

namespace heartbeat {

enum class AssignmentResult {
    asking, // Kafka has not answered yet
    assigned,
    unavailable, // the topic or a partition of the worker is not available: try again
    suspected,   // the log of a partition seems to be another log: check again
    unreachable, // Kafka does not answer: try again
    outdated,    // the topic was recreated after the consumer client was opened: try again with a new client
    uninstalled, // the extension is not in the database
    changed,     // a person has altered or dropped the source
    busy,        // another session is changing the source: try again
    failed,      // a person must decide how to continue
};

// Returns a hint for heartbeat_status. The hint tells a person what to do if Kafka does not answer.
const char *assignment_brokers_hint(const Source &source);

struct Assignment {
    KafkaPartitions partitions;
    // true: if a session is changing the source, the worker waits for this session a short time. See
    // pause_check()
    bool waits_for_change;
    bool told;                   // the worker has logged the offsets at which it begins to read
    Suspicions suspected_ranges; // suspected faults in the partitions and offset ranges that brokers report
    Suspicions suspected_logs;   // suspected faults in the messages that the client reads
    char reason[state_text_size];
    char hint[state_text_size];
};

inline bool assignment_has(const Assignment &assignment, int32_t partition) {
    return partitions_own(assignment.partitions, partition);
}

// Assigns the partitions that can be read. The function asks Kafka, but never waits for the answer: while the
// answer is missing, the function returns `asking`, and the caller must call the function again. When the
// answer has arrived, the function compares it with the offsets in heartbeat_offsets, in a transaction of its
// own. The function obeys start_offset and offset_reset of the source.
AssignmentResult assignment_make(Consumer *consumer, Assignment *assignment);

// Notices changes of the topic and of the partitions. Call this function regularly while the worker reads
// assigned partitions. Returns true if the worker must assign all partitions again.
bool assignment_tend(Consumer *consumer, Assignment *assignment);

// Assigns partitions that have become available. The worker continues to read its other partitions. Call this
// function when the worker has stored all messages that it has consumed.
AssignmentResult assignment_join(Consumer *consumer, Assignment *assignment);

// Marks in heartbeat_offsets that the topic was recreated, or that Kafka truncated the log of a partition.
void assignment_mark_lost(const Assignment &assignment, const TopicLoss *losses, int count);

// Asks Kafka for the end offsets of this worker's partitions, and takes the answers that have arrived. While
// the worker reads no messages, heartbeat_partitions computes the lag from these end offsets.
void assignment_refresh_watermarks(Consumer *consumer, Assignment *assignment);

// Call this function when the worker has no assigned partitions any more. The next assignment_make() asks
// Kafka about the topic and all partitions again.
void assignment_forget(Consumer *consumer, Assignment *assignment);

} // namespace heartbeat
