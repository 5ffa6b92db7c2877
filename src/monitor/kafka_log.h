// Writes librdkafka's log messages to the server's log, and limits their number. The ingest worker calls it
// in each step.
#pragma once

#include "kafka/consumer.h"
#include "monitor/shared_state.h"

namespace heartbeat {

// Takes the log messages that the consumer client has collected. Messages of one source that differ only in
// digits are of the same kind. The function logs an error or a warning of a kind at most once a minute, with
// the number of messages of this kind since the last line. It logs at most 20 lines per minute for all kinds
// of a source, and for each source at least one line. Each error or warning also becomes the slot's last
// error.
void kafka_log_take(Consumer *consumer, SourceSlot *slot);

// Logs how many messages of each kind of this source were not logged. Call it when the error is over.
// Otherwise only the next message of a kind would report the number, and perhaps no such message follows.
void kafka_log_tell_folded(const SourceSlot &source);

} // namespace heartbeat
