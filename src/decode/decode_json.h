// Decodes any payload with a JSON parser. The result is a reading or an error. decode_plain() must return the
// same result. decode_plain() is faster, but can read only common payloads. decoder_of_heartbeat.cpp calls
// both functions.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// Does the same as Decoder::decode(). The payload must not be empty.
bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
