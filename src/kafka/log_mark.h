// The mark of a message that librdkafka has read: its offset, time, checksum and leader's epoch.
#pragma once

#include "decode/message_mark.h"

#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

MessageMark log_mark(const rd_kafka_message_t *message);
int32_t log_epoch(const rd_kafka_message_t *message); // -1 with librdkafka before 2.1

// Milliseconds since 1970, or -1 where the message has no time that a calendar knows.
int64_t log_kafka_time(const rd_kafka_message_t *message);

} // namespace heartbeat
