// Questions to the leaders of Kafka partitions. It asks and takes answers, and never waits for an answer.
// assignment.cpp calls it. It does not assign partitions.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

// Takes the answers of leaders, and asks each leader that is due. It asks for the first and the end offset of
// a partition, or for the end offset alone if the worker reads the partition. `all`: also about the
// partitions of other workers. `refresh`: for the end offsets alone, while the worker reads nothing.
void leader_questions_ask(KafkaPartitions *partitions, Consumer *consumer, bool all, bool refresh);

// Forgets the ranges of the worker's partitions that are not read. The next steps ask for the topic again,
// and then ask the leaders of these partitions.
void leader_questions_ask_anew(KafkaPartitions *partitions);

} // namespace heartbeat
