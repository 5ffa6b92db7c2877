// Writes librdkafka's log messages to the server's log, and limits how many. The ingest worker calls it in
// each step.
#pragma once

#include "kafka/consumer.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// Takes the log messages that the consumer client has collected. It logs an error or a warning once a minute,
// with the number of messages like it since then. Messages that differ only in digits are alike. A minute has
// at most 20 lines of all messages together. Each error or warning also becomes the slot's last error.
void kafka_log_take(Consumer *consumer, WorkerSlot *slot);

// Logs how many messages of each kind were not logged. Call it when the error is over: no further message of
// that kind may come to report the number.
void kafka_log_tell_folded();

} // namespace heartbeat
