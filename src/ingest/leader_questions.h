// Questions to the leaders of Kafka partitions. It asks and takes answers, and never waits for one.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

// Takes the answers of leaders, and asks those that are due: for what they hold, or, of partitions that are
// read, for their ends alone. `all`: also for the partitions of other workers. `refresh`: while nothing is to
// be read, for the ends.
void leader_questions_ask(KafkaPartitions *partitions, Consumer *consumer, bool all, bool refresh);

} // namespace heartbeat
