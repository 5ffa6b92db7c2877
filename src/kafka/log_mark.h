// Makes the mark of a message that librdkafka has read: offset, Kafka time, checksum and leader epoch. The
// examination and the search of a log compare these marks.
#pragma once

#include "decode/message_mark.h"

#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

MessageMark log_mark(const rd_kafka_message_t *message);
int32_t log_epoch(const rd_kafka_message_t *message); // returns -1 with librdkafka before 2.1

// Returns the Kafka time in milliseconds since 1970. Returns -1 if the message has no Kafka time, or if the
// time is out of range.
int64_t log_kafka_time(const rd_kafka_message_t *message);

} // namespace heartbeat
