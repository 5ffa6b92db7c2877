// Decodes any payload with a JSON parser. The result is a reading or an error. decode_plain() is faster, but
// accepts only common payloads. If decode_plain() accepts a payload, both functions must return the same
// reading. decoder_of_heartbeat.cpp calls both functions.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// Fills in *reading and returns true, or fills in *error and returns false. The error texts follow the same
// rule as the error texts of Decoder::decode(). The payload must not be empty.
bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
