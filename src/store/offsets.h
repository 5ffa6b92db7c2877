// heartbeat_offsets, the one truth about progress.
#pragma once

#include "decode/message_mark.h"
#include "kafka/topic_query.h"

namespace heartbeat {

struct StoredOffset {
    int32_t partition;
    int64_t first_offset;
    int64_t next_offset;
    MessageMark last_message; // the last consumed message
    MarkTrail trail;          // it and earlier ones
    char cluster_id[64];      // empty: not known yet
    char topic_id[64];        // empty: not known yet
    bool lost;                // offsets of that name mean other messages now
    char lost_reason[384];
    bool was_read;        // not one that a person has given in advance, to a partition that nobody has seen
    int64_t truncated_to; // -1; or Kafka's log of the partition is another one from there on
};

// False until a database of version 1.1 has been updated: it has neither message_marks nor truncated_to.
bool offsets_have_marks();

// All stored offsets of the topic; the array lives as long as the transaction.
StoredOffset *offsets_load(const char *topic, size_t *count);

// A partition that is seen for the first time; nothing where another has been quicker.
void offsets_begin(const char *topic, int32_t partition, int64_t next_offset,
                   const TopicDescription &description);

// Moves a position that Kafka does not hold, and records the gap. An error where it is no longer at `from`.
void offsets_reset(const char *topic, int32_t partition, int64_t from, int64_t to, const char *reason);

// All the topic's offsets are of one that is gone. What was found first remains the reason.
void offsets_mark_lost(const char *topic, const char *reason);

// Kafka's log of one of the topic's partitions was truncated: from truncated_to on it is another one.
void offsets_mark_truncated(const char *topic, int32_t partition, int64_t truncated_to, int64_t position,
                            const char *reason);

// These partitions of the topic are of this cluster and this topic from now on.
void offsets_set_identity(const char *topic, const TopicDescription &description, const int32_t *partitions,
                          size_t count);

} // namespace heartbeat
