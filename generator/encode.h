// Generator, encode: makes the JSON text of a Kafka message from a reading. The simulated source calls it.
#pragma once

#include "decode/reading.h"

#include <string>

namespace heartbeat::generator {

// Replaces *payload. The fields stand in the order customer_id, heart_rate, event_timestamp, without spaces.
// The heart rate must be finite; it is written with the fewest digits that read back as the same number, so
// whole numbers have no fraction. The customer id must be a text that needs no escapes in JSON, such as the
// simulated ids.
void encode_reading(const Reading &reading, std::string *payload);

} // namespace heartbeat::generator
