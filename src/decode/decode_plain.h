// Decodes a payload without a JSON parser, if the payload has the form that most producers write. If
// decode_plain() accepts a payload, decode_plain() and decode_json() return the same reading. For every other
// payload, decoder_of_heartbeat.cpp calls decode_json().
#pragma once

#include "decode/reading.h"

#include <string_view>

namespace heartbeat {

// Returns true only if the payload is an object that contains each of the three fields once, and no other
// field. The fields can be in any order, with or without spaces between tokens. The strings must be printable
// ASCII without escapes. customer_id must be a string, and heart_rate must be a plain decimal number that is
// not negative. If the function returns true, *reading is the reading that decode_json() would set. If the
// function returns false, the content of *reading is unspecified.
bool decode_plain(std::string_view payload, Reading *reading) noexcept;

} // namespace heartbeat
