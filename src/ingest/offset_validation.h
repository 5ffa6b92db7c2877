// Whether a stored position still means the message that it meant, and what is done where it does not.
#pragma once

#include "ingest/kafka_partitions.h"
#include "store/offsets.h"

namespace heartbeat {

// In the transaction. Compares what is stored with what Kafka has (ranges: one a partition of the topic), and
// settles each mismatch as heartbeat.offset_reset says, in the offsets too. False where it says to stop:
// reason and hint are filled in.
bool offset_validation_run(StoredOffset *offsets, size_t count, const PartitionRange *ranges,
                           const KafkaPartitions &partitions, char (&reason)[state_text_size],
                           char (&hint)[state_text_size]);

// In the transaction: heartbeat_offsets is to say what was lost. The topic was described before its loss was
// found.
void offset_validation_mark(const TopicDescription &topic, const TopicLoss &loss);

} // namespace heartbeat
