// Decodes readings in the form that most producers write, without a JSON parser. For each payload that
// decode_plain() accepts, it returns the same reading as decode_json(). For every other payload
// decoder_of_heartbeat.cpp calls decode_json().
#pragma once

#include "decode/reading.h"

#include <string_view>

namespace heartbeat {

// True if the payload is an object of only the three fields, each once and in any order, with or without
// spaces between tokens. The strings must be printable ASCII without escapes. customer_id must be a string,
// and heart_rate must be a plain decimal number that is not negative. If the result is true, *reading is the
// reading that decode_json() would set. If the result is false, *reading is unspecified.
bool decode_plain(std::string_view payload, Reading *reading) noexcept;

} // namespace heartbeat
