// Finds in heartbeat_offsets the offset at which an ingest worker continues in each Kafka partition.
// assignment.cpp calls this file. This file does not compare the offsets with Kafka's log.
// offset_validation.cpp compares the offsets with the log.
#pragma once

#include "ingest/kafka_partitions.h"
#include "kafka/partition_position.h"
#include "store/offsets.h"

namespace heartbeat {

// Loads the stored offsets. If a partition has no stored offset, the function chooses the offset at which the
// worker begins to consume the partition, and stores this offset. Each worker also stores such offsets for
// the partitions of the other workers, so the workers can start in any order. If the start offset is
// `latest`, the worker begins at the end offset of each partition that the topic had at the start of ingest.
// If the topic gets a partition later, all messages of this partition are newer than the start of ingest, so
// the worker begins at the first offset of this partition. A leader may answer only after the start of
// ingest, and the leader's partition may belong to another worker. So shared memory has the number of
// partitions that the topic had at the start of ingest: see start_at_end.h. No table has this number. So
// heartbeat loses the number if the worker that started ingest restarts, or if a person alters the source. If
// a leader first answers after that, the worker begins to read the leader's partition at the first offset.
StoredOffset *stored_positions_load(const KafkaPartitions &partitions, size_t *count);

// Returns the offset at which the client begins to read the partition, and the marks with which the client
// examines Kafka's log.
PartitionPosition stored_positions_of(const StoredOffset &stored, const PartitionRange &range);

} // namespace heartbeat
