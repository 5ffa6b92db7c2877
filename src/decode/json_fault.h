// Explains why a text is not JSON. The explanation contains the position of the error, but no content of the
// text.
#pragma once

#include "decode/decode_error.h"

#include <jansson.h>
#include <string_view>

namespace heartbeat {

// Fills in the error of a text that jansson has refused, and returns false. `what` is the name of the text,
// such as "payload". `expected` describes the expected JSON value.
bool json_fail(DecodeError *error, const json_error_t &cause, const char *what,
               const char *expected) noexcept;

// Fills in the error of a text that has a zero byte at this offset, and returns false. jansson does not
// report a zero byte after a number, so the caller must look for zero bytes before it calls jansson.
bool json_fail_zero_byte(DecodeError *error, size_t offset, const char *what, const char *expected) noexcept;

// The fault that JsonTree has found in a text.
struct JsonFault {
    const char *text;
    bool is_number; // true: a number is malformed or out of range
};

// Finds the position of the fault, fills in the error, and returns false. For a giant text, the error can
// have no position.
bool json_explain(std::string_view text, const char *what, JsonFault fault, DecodeError *error) noexcept;

} // namespace heartbeat
