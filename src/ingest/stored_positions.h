// Finds the offset at which an ingest worker continues in each Kafka partition, by heartbeat_offsets.
// assignment.cpp calls it. It does not compare the offsets with Kafka: offset_validation.cpp does.
#pragma once

#include "ingest/kafka_partitions.h"
#include "kafka/partition_position.h"
#include "store/offsets.h"

namespace heartbeat {

// Loads the stored offsets, and adds the partitions that have none. Each worker adds them for all partitions,
// so it does not matter which worker comes first. A partition that the topic gains later begins at its first
// offset, because all its messages are newer than the start of ingest. If a leader did not answer when the
// worker began the topic at its end offsets, its partition begins at its end offset later, too. Only this
// process remembers that (*end_partitions): after a restart such a partition begins at its first offset.
StoredOffset *stored_positions_load(const KafkaPartitions &partitions, int32_t *end_partitions,
                                    size_t *count);

// Returns the offset at which the client begins to read the partition, and the marks by which it examines
// Kafka's log there.
PartitionPosition stored_positions_of(const StoredOffset &stored, const PartitionRange &range);

} // namespace heartbeat
