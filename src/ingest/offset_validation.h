// Offset validation: whether a stored offset still means the same message, and what to do if it does not.
// assignment.cpp calls it within its transaction, after Kafka has answered. It does not ask Kafka.
#pragma once

#include "ingest/kafka_partitions.h"
#include "store/offsets.h"

namespace heartbeat {

// Call it in a transaction. Compares the stored offsets with the offsets that Kafka holds (`ranges`: one for
// each partition of the topic). It settles each mismatch as heartbeat.offset_reset says, and moves the stored
// offsets. False: heartbeat.offset_reset says to stop, and reason and hint are filled in.
bool offset_validation_run(StoredOffset *offsets, size_t count, const PartitionRange *ranges,
                           const KafkaPartitions &partitions, char (&reason)[state_text_size],
                           char (&hint)[state_text_size]);

// Call it in a transaction. Marks a loss in heartbeat_offsets. `topic` is the description from before the
// loss was found.
void offset_validation_mark(const TopicDescription &topic, const TopicLoss &loss);

} // namespace heartbeat
