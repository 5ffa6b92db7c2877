// What librdkafka had to say, in the server's log.
#pragma once

#include "kafka/consumer.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// Takes the consumer's notes. An error or warning is logged once a minute, with how often it came since; what
// is like it but for numbers is taken for the same, and of all kinds together a minute has 20 lines at most.
// It is also the slot's last error.
void kafka_log_take(Consumer *consumer, WorkerSlot *slot);

// Logs how many were left out since, of each kind: when the trouble is over, nothing like them may come
// again.
void kafka_log_tell_folded();

} // namespace heartbeat
