// Offset validation checks whether a stored offset still fits Kafka's log. If the offset does not fit the
// log, offset validation does what the source's offset_reset requires. After Kafka has answered,
// assignment.cpp calls this file in a transaction. This file does not ask Kafka.
#pragma once

#include "ingest/kafka_partitions.h"
#include "ingest/suspicion.h"
#include "store/offsets.h"

namespace heartbeat {

enum class OffsetValidation {
    valid,
    suspected, // validate again: a leader can serve an old log for a moment
    invalid,   // the source's offset_reset requires that the worker stops
};

// Call this function in a transaction. Compares the stored offsets with the offsets that Kafka holds.
// `ranges` has one element for each partition of the topic. After a confirmed mismatch, offset_reset of the
// source decides: the function either returns `invalid`, or moves the offset in heartbeat_offsets and in
// `offsets`. If the result is not `valid`, the function sets `reason` and `hint`.
OffsetValidation offset_validation_run(StoredOffset *offsets, size_t count, const PartitionRange *ranges,
                                       const KafkaPartitions &partitions, Suspicions *suspicions,
                                       char (&reason)[state_text_size], char (&hint)[state_text_size]);

// Call this function in a transaction. Writes to heartbeat_offsets that the topic was recreated, or that the
// log of a partition was truncated. `partitions` must have the description of the topic that was current when
// the worker found the loss.
void offset_validation_mark(const KafkaPartitions &partitions, const TopicLoss &loss);

} // namespace heartbeat
