// One heart-rate reading, the names of its fields in a Kafka message, and the default topic. The generator
// writes readings, and the decoders read readings. This file must not include a header of PostgreSQL or
// librdkafka.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

inline constexpr char field_customer_id[] = "customer_id";
inline constexpr char field_heart_rate[] = "heart_rate";
inline constexpr char field_event_timestamp[] = "event_timestamp";

inline constexpr char default_topic[] = "heartbeat-events";

// A customer id has at most 256 characters, and each UTF-8 character has at most four bytes.
inline constexpr size_t customer_id_max_characters = 256;
inline constexpr size_t customer_id_max_bytes = customer_id_max_characters * 4;

// A reading owns its text, so the caller can free the JSON value and the Kafka message after decoding.
struct Reading {
    char customer_id[customer_id_max_bytes];
    uint16_t customer_id_size; // the size of customer_id in bytes; the UTF-8 text has no terminator
    double heart_rate;         // beats per minute, exactly as in the message
    int64_t event_time;        // microseconds since 1970-01-01 00:00:00 UTC
};

} // namespace heartbeat
