// Generator, encode: converts a reading into the JSON text of a Kafka message. The simulated source calls
// this code.
#pragma once

#include "decode/reading.h"

#include <string>

namespace heartbeat::generator {

// Replaces *payload. The text has the fields customer_id, heart_rate and event_timestamp in this order,
// without spaces. The heart rate must be finite, and becomes the shortest text that a JSON parser converts
// back to exactly the same number, for example 72 and not 72.0. The customer id must need no escapes in JSON:
// the simulated ids need none.
void encode_reading(const Reading &reading, std::string *payload);

} // namespace heartbeat::generator
