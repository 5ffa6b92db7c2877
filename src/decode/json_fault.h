// Explains why a text is not JSON. The explanation has the position of the error, and no content of the text.
#pragma once

#include "decode/decode_error.h"

#include <jansson.h>

namespace heartbeat {

// Fills in the error of a text that jansson has refused, and returns false. `what` is the text, such as
// "payload", and `expected` the JSON value that it should be.
bool json_fail(DecodeError *error, const json_error_t &cause, const char *what,
               const char *expected) noexcept;

// Fills in the error of a text that has a zero byte at this offset, and returns false. Look for the byte
// before you call jansson: jansson ignores a zero byte after a number.
bool json_fail_zero_byte(DecodeError *error, size_t offset, const char *what, const char *expected) noexcept;

} // namespace heartbeat
