// Any payload to a reading or to the reason why it is none, by a JSON parser: the rule that
// decode_plain is a short cut of.
#pragma once

#include "decode/decode_error.h"
#include "decode/reading.h"

#include <cstddef>

namespace heartbeat {

// As decode_message, for a payload that has bytes.
bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept;

} // namespace heartbeat
