// The topic that an ingest worker reads: whether it is there, and still the same. It asks and takes answers,
// and never waits for one.
#pragma once

#include "ingest/kafka_partitions.h"

namespace heartbeat {

enum class TopicNews {
    none,
    found,      // the topic is as it was, or is seen for the first time
    missing,    // it does not exist
    other,      // it is another one
    fewer,      // it has fewer partitions
    unreachable // no broker answers; the reason is in *error
};

// Forgets all that was found of the partitions, not of the topic.
void topic_watch_forget(KafkaPartitions *partitions, Consumer *consumer);

// Asks for the topic if that is due, and takes the answer.
TopicNews topic_watch_look(KafkaPartitions *partitions, Consumer *consumer, Error *error);

} // namespace heartbeat
