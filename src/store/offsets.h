// Reads and writes heartbeat_offsets, the only record of the progress of ingest. In an ingest worker,
// stored_positions.cpp and offset_validation.cpp call this file. In heartbeat_replay(), replay_partitions.cpp
// calls this file. This file sends no request to Kafka.
#pragma once

#include "decode/message_mark.h"
#include "kafka/topic_query.h"
#include "store/sources.h"

namespace heartbeat {

struct StoredOffset {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    MessageMark last_message; // the last consumed message
    MarkTrail trail;          // the marks of the last consumed message and of earlier messages
    char cluster_id[64];      // empty: not known yet
    char topic_id[64];        // empty: not known yet
    bool lost; // the topic was recreated or the log was truncated: stored offsets belong to other messages
    char lost_reason[384];
    // true: a worker has read the Kafka partition. false: a person has set the offset in advance.
    bool was_read;
    // The offset to which Kafka truncated the log: from this offset on, the log has new messages. -1: not
    // truncated.
    int64_t truncated_to;
};

// Returns true if heartbeat_offsets has the columns message_marks and truncated_to. Returns false if the
// database still has version 1.1 of the extension.
bool offsets_have_marks();

// Returns false in a database of version 1.1 or 1.2 that was not updated yet. Such a database has only the
// source `default`. Its tables do not have the columns `source` and `device_id`, nor counters of messages.
bool offsets_have_sources();

// Returns all stored offsets of the source and its topic. The array lives as long as the transaction.
StoredOffset *offsets_load(const Source &source, size_t *count);

// Inserts the row of a new Kafka partition. Does nothing if another process has already inserted this row.
void offsets_begin(const Source &source, int32_t partition, int64_t next_offset,
                   const TopicDescription &description);

// Call this function if ingest cannot continue at the stored offset `from`. Moves the stored offset to `to`,
// and records the gap. Raises an error if next_offset is no longer `from`.
void offsets_reset(const Source &source, int32_t partition, int64_t from, int64_t to, const char *reason);

// Marks all offsets of the topic as lost, because they belong to a topic that no longer exists. A row that an
// earlier call has marked keeps its reason. A row that offsets_mark_truncated() has marked gets the new
// reason, and its truncated_to becomes NULL.
void offsets_mark_lost(const Source &source, const char *topic, const char *reason);

// Marks one Kafka partition as truncated. At truncated_to and at later offsets, Kafka's log has other
// messages than before. A row that is already marked as lost keeps its reason.
void offsets_mark_truncated(const Source &source, const char *topic, int32_t partition, int64_t truncated_to,
                            int64_t position, const char *reason);

// Stores the cluster's id and the topic's id for these partitions of the topic.
void offsets_set_identity(const Source &source, const TopicDescription &description,
                          const int32_t *partitions, size_t count);

} // namespace heartbeat
