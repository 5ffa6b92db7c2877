// Watches whether the topic that an ingest worker reads exists and is still the same topic. This file asks
// Kafka and takes the answers, and never waits for an answer. assignment.cpp calls this file.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

enum class TopicNews {
    none,
    found,      // the topic is the same, or the worker sees the topic for the first time
    missing,    // the topic does not exist
    other,      // the topic was recreated, or the topic belongs to another cluster
    fewer,      // the topic has fewer partitions than before
    unreachable // no broker answers; the reason is in *error
};

// Forgets all answers about the partitions, but not the description of the topic.
void topic_watch_forget(KafkaPartitions *partitions, Consumer *consumer);

// Asks the brokers about the topic if this question is due, and takes the answer.
TopicNews topic_watch_look(KafkaPartitions *partitions, Consumer *consumer, Error *error);

} // namespace heartbeat
