// One heart-rate reading, the fields that carry it in a Kafka message, and where it travels by
// default. The generator writes it, the decoder reads it; nothing here knows PostgreSQL or Kafka.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

inline constexpr char field_customer_id[] = "customer_id";
inline constexpr char field_heart_rate[] = "heart_rate";
inline constexpr char field_event_timestamp[] = "event_timestamp";

inline constexpr char default_topic[] = "heartbeat-events";

// A customer id is at most 256 characters, which UTF-8 writes in at most four bytes each.
inline constexpr size_t customer_id_max_characters = 256;
inline constexpr size_t customer_id_max_bytes = customer_id_max_characters * 4;

// A reading that owns its text, so that no JSON value or Kafka message has to outlive the decoding.
struct Reading {
    char customer_id[customer_id_max_bytes];
    uint16_t customer_id_size; // bytes of UTF-8 in customer_id, which has no terminator
    double heart_rate;         // beats per minute, exactly as published
    int64_t event_time;        // microseconds since 1970-01-01 00:00:00 UTC
};

} // namespace heartbeat
