// The end of a client of Kafka, in a worker as in a session.
#pragma once

#include "kafka/consumer.h"

namespace heartbeat {

// nullptr is fine. Where the result is not `closed`, threads of the client are still there. The process goes
// on; if they are there when it ends, it passes over its exit handlers, which would pull libraries from under
// them. What other processes wait for has been given back by then.
CloseResult kafka_close(Consumer *consumer);

} // namespace heartbeat
