// Asks the leaders of Kafka partitions for offsets, and takes their answers. This file never waits for an
// answer, and assigns no partitions. assignment.cpp calls this file.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

// Takes the answers of leaders, and asks the leader of each partition whose next question is due. If the
// worker reads the partition, or if `refresh` is true, the function asks only for the end offset. If not, the
// function asks for the first offset and the end offset. If `all` is true, the function also asks about the
// partitions of other workers. Use `refresh` while the worker reads nothing.
void leader_questions_ask(KafkaPartitions *partitions, Consumer *consumer, bool all, bool refresh);

// Forgets the ranges of the partitions that belong to the worker but are not assigned. The next call of
// topic_watch_look() then asks the brokers about the topic. leader_questions_ask() waits half a second before
// it asks the leaders of these partitions. The worker does not begin to read a partition until Kafka has
// described the topic again.
void leader_questions_ask_anew(KafkaPartitions *partitions);

} // namespace heartbeat
