// Generator, publish: the topic, created when it is missing.
#pragma once

#include "console.h"

#include <librdkafka/rdkafka.h>

#include <string>

namespace heartbeat::generator {

// Asks the cluster to create the topic; that it exists already is fine, whatever its partitions. A cluster
// that does not let us create it may still have it, so that is said and not counted as a failure. False when
// no broker has answered within timeout_ms (0: no limit), or Ctrl-C came first. Serves rk's callbacks
// meanwhile.
bool topic_ensure(rd_kafka_t *rk, const std::string &topic, int partitions, int timeout_ms, Console *console);

} // namespace heartbeat::generator
