// Generator, publish: creates the topic if it does not exist.
#pragma once

#include "console.h"

#include <librdkafka/rdkafka.h>

#include <string>

namespace heartbeat::generator {

// Requests the creation of the topic. Returns true if the cluster has created the topic, or if the topic
// already exists, with any number of partitions. If the cluster refuses to create the topic, the function
// prints the reason and returns true, because the topic may exist. Returns false if no broker has answered
// within timeout_ms (0: no limit), or after Ctrl-C. While the function waits, librdkafka calls the callbacks
// of `rk`.
bool topic_ensure(rd_kafka_t *rk, const std::string &topic, int partitions, int timeout_ms, Console *console);

} // namespace heartbeat::generator
