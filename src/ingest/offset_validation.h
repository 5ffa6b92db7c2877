// Offset validation checks whether a stored offset still means the same message. If it does not, offset
// validation does what heartbeat.offset_reset says. assignment.cpp calls it within its transaction, after
// Kafka has answered. It does not ask Kafka.
#pragma once

#include "ingest/kafka_partitions.h"
#include "ingest/suspicion.h"
#include "store/offsets.h"

namespace heartbeat {

enum class OffsetValidation {
    valid,
    suspected, // validate again: a leader can serve an old log for a moment
    invalid,   // heartbeat.offset_reset says to stop
};

// Call it in the transaction. Compares the stored offsets with the ranges that Kafka holds (one for each
// partition of the topic), and resolves each confirmed mismatch as heartbeat.offset_reset says. It changes
// `offsets` in the same way. If the result is not valid, it sets reason, hint and the partition in
// *mismatched.
OffsetValidation offset_validation_run(StoredOffset *offsets, size_t count, const PartitionRange *ranges,
                                       const KafkaPartitions &partitions, Suspicions *suspicions,
                                       char (&reason)[state_text_size], char (&hint)[state_text_size]);

// Call it in a transaction. Marks a loss in heartbeat_offsets. `topic` is the description from before the
// loss was found.
void offset_validation_mark(const TopicDescription &topic, const TopicLoss &loss);

} // namespace heartbeat
