// Makes the mark of a message from the fields that librdkafka gives. If this version of librdkafka does not
// give a field, the field is -1.
#include "kafka/log_mark.h"

namespace heartbeat {

namespace {

// milliseconds; up to this limit, the time in microseconds also fits into 64 bits
constexpr int64_t kafka_time_max = INT64_MAX / 1000;

} // namespace

int64_t log_kafka_time(const rd_kafka_message_t *message) {
    rd_kafka_timestamp_type_t kind;
    int64_t kafka_time = rd_kafka_message_timestamp(message, &kind);
    bool known = kind != RD_KAFKA_TIMESTAMP_NOT_AVAILABLE && kafka_time >= 0 && kafka_time <= kafka_time_max;
    return known ? kafka_time : -1;
}

int32_t log_epoch([[maybe_unused]] const rd_kafka_message_t *message) {
#if RD_KAFKA_VERSION >= 0x020100ff
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        return rd_kafka_message_leader_epoch(message);
#endif
    return -1;
}

MessageMark log_mark(const rd_kafka_message_t *message) {
    auto size_of = [](const void *bytes, size_t size) {
        return bytes == nullptr ? -1 : static_cast<int64_t>(size);
    };
    return {message->offset, log_kafka_time(message),
            message_checksum(message->key, size_of(message->key, message->key_len), message->payload,
                             size_of(message->payload, message->len)),
            log_epoch(message)};
}

} // namespace heartbeat
