// Generator, encode: converts a reading into the JSON text of a Kafka message.
#include "encode.h"

#include "decode/timestamp.h"

#include <charconv>
#include <string_view>

namespace heartbeat::generator {

namespace {

void append_field_name(std::string *payload, char before, std::string_view name) {
    payload->push_back(before);
    payload->push_back('"');
    payload->append(name);
    payload->append("\":");
}

} // namespace

void encode_reading(const Reading &reading, std::string *payload) {
    payload->clear();

    append_field_name(payload, '{', field_customer_id);
    payload->push_back('"');
    payload->append(reading.customer_id, reading.customer_id_size);
    payload->push_back('"');

    append_field_name(payload, ',', field_heart_rate);
    char number[32]; // std::to_chars() writes at most 24 characters for a double
    char *end = std::to_chars(number, number + sizeof(number), reading.heart_rate).ptr;
    payload->append(number, end);

    append_field_name(payload, ',', field_event_timestamp);
    char timestamp[timestamp_text_size];
    timestamp_format(reading.event_time, timestamp);
    payload->push_back('"');
    payload->append(timestamp, timestamp_text_size);
    payload->append("\"}");
}

} // namespace heartbeat::generator
