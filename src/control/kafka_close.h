// Control wing: the end of a client of Kafka, in a worker as in a session.
#pragma once

#include "stream/consumer.h"

namespace heartbeat {

// nullptr is fine. False: librdkafka did not let go of the client, whose threads are still there. The process
// goes on, and passes over its exit handlers when it ends, which would pull libraries from under them; what
// other processes wait for has been given back by then.
bool kafka_close(Consumer *consumer);

} // namespace heartbeat
