// Generator, publish: creates the topic if it does not exist.
#pragma once

#include "console.h"

#include <librdkafka/rdkafka.h>

#include <string>

namespace heartbeat::generator {

// Requests the creation of the topic. If the topic already exists, the result is true, with any number of
// partitions. A cluster can also refuse to create a topic that exists, so the function prints the refusal and
// returns true. Returns false if no broker has answered within timeout_ms (0: no limit), or after Ctrl-C.
// While it waits, it serves rk's callbacks.
bool topic_ensure(rd_kafka_t *rk, const std::string &topic, int partitions, int timeout_ms, Console *console);

} // namespace heartbeat::generator
