// Readings in the form that producers write them in, without a JSON parser. It is a short cut
// and no second rule: what it does not take at once is decode_json's, which decides about everything else.
#pragma once

#include "decode/reading.h"

#include <string_view>

namespace heartbeat {

// True where the payload is an object of the three fields alone, each once and in any order, with spaces
// between tokens or none, whose strings are printable ASCII without escapes, whose customer_id is a string,
// and whose heart_rate is a plain decimal number that is not negative. *reading is then what decode_json
// would have made of it; otherwise it is unspecified.
bool decode_plain(std::string_view payload, Reading *reading) noexcept;

} // namespace heartbeat
