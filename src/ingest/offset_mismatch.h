// Decides whether a stored offset still fits the topic and the log in Kafka, and writes the reason if the
// offset does not fit. offset_validation.cpp decides what the worker does about a mismatch.
#pragma once

#include "ingest/kafka_partitions.h"
#include "store/offsets.h"

namespace heartbeat {

enum class OffsetMismatch {
    none,
    other_topic, // the stored offset belongs to another topic
    truncated,   // Kafka truncated the log: from a certain offset on, the log holds other messages
    removed,     // Kafka has removed the message at the stored offset
};

// Returns true if both ids are known and differ.
bool offset_mismatch_ids_differ(const char *stored, const char *found);

// Finds the mismatch between a stored offset and `range`, the range of offsets that Kafka holds. `reason` is
// a text for heartbeat_status, and has room for state_text_size bytes.
OffsetMismatch offset_mismatch_find(const Source &source, const StoredOffset &stored,
                                    const PartitionRange &range, const TopicDescription &topic, char *reason);

// Writes the reason for OffsetMismatch::truncated: the topic still has the stored id, but Kafka holds none of
// the messages of the stored marks.
void offset_mismatch_print_truncated(char *reason, int32_t partition, const char *topic, int64_t highest,
                                     int64_t position);

} // namespace heartbeat
