// Writes librdkafka's log messages to the server's log, and limits the number of these messages. The ingest
// worker calls kafka_log_take() in each step.
#pragma once

#include "kafka/consumer.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// Takes the log messages that the consumer client has collected. Messages of one source have the same kind if
// their beginnings differ only in digits. For each kind, the function logs an error or a warning at most once
// a minute. This log line also says how many messages of the kind have arrived since the kind's previous
// line. For each source with errors or warnings, the function logs at least one line and at most 20 lines per
// minute. The function also writes each error or warning to the slot as the last error.
void kafka_log_take(Consumer *consumer, SourceSlot *slot);

// For each kind of messages of this source, logs how many messages kafka_log_take() has received but not
// logged. Call this function when the source becomes RUNNING again, because there may be no further message
// of the kind that would log this number.
void kafka_log_tell_folded(const SourceSlot &source);

} // namespace heartbeat
