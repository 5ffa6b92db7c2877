// Decodes readings in the form that most producers write, without a JSON parser. It is a faster way and not a
// second rule. If decode_plain() does not accept a payload, decoder_of_heartbeat.cpp
// calls decode_json().
#pragma once

#include "decode/reading.h"

#include <string_view>

namespace heartbeat {

// True if the payload is an object of only the three fields, each once and in any order, with or without
// spaces between tokens. The strings must be printable ASCII without escapes, customer_id must be a string,
// and heart_rate a plain decimal number that is not negative. *reading is then the same as decode_json()
// would make; otherwise it is unspecified.
bool decode_plain(std::string_view payload, Reading *reading) noexcept;

} // namespace heartbeat
