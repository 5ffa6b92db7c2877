// Reads and writes heartbeat_offsets, the only record of the progress of ingest. offset_validation.cpp calls
// it for an ingest worker, and replay_partitions.cpp for heartbeat_replay(). It does not ask Kafka.
#pragma once

#include "decode/message_mark.h"
#include "kafka/topic_query.h"

namespace heartbeat {

struct StoredOffset {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    MessageMark last_message; // the last consumed message
    MarkTrail trail;          // the last consumed message and earlier ones
    char cluster_id[64];      // empty: not known yet
    char topic_id[64];        // empty: not known yet
    bool lost; // the topic was recreated or truncated: the stored offsets name other messages now
    char lost_reason[384];
    // False if a person has set the offset in advance, and no worker has read the partition yet.
    bool was_read;
    // -1: not truncated. Otherwise Kafka's log has other messages from this offset on.
    int64_t truncated_to;
};

// False in a database of version 1.1 that was not updated yet: heartbeat_offsets then has neither
// message_marks nor truncated_to.
bool offsets_have_marks();

// Returns all stored offsets of the topic. The array lives as long as the transaction.
StoredOffset *offsets_load(const char *topic, size_t *count);

// Inserts the row of a Kafka partition that is new. Does nothing if another process has already inserted it.
void offsets_begin(const char *topic, int32_t partition, int64_t next_offset,
                   const TopicDescription &description);

// Moves an offset that Kafka does not hold, and records the gap. Raises an error if next_offset is no longer
// `from`.
void offsets_reset(const char *topic, int32_t partition, int64_t from, int64_t to, const char *reason);

// Records that all offsets of the topic belong to a topic that no longer exists. A row that is already marked
// so keeps its first reason. A row that is marked as truncated gets the new reason.
void offsets_mark_lost(const char *topic, const char *reason);

// Records that Kafka's log of one partition was truncated: from truncated_to on it has other messages. A row
// that is already marked as lost keeps its reason.
void offsets_mark_truncated(const char *topic, int32_t partition, int64_t truncated_to, int64_t position,
                            const char *reason);

// Stores the cluster's id and the topic's id for these partitions of the topic.
void offsets_set_identity(const char *topic, const TopicDescription &description, const int32_t *partitions,
                          size_t count);

} // namespace heartbeat
