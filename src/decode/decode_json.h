// Decodes any payload with a JSON parser, into a reading or an error. Its result is the rule; decode_plain()
// is only a faster way to the same result for common payloads. decoder_of_heartbeat.cpp calls it.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// As Decoder::decode(), for a payload that is not empty.
bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
