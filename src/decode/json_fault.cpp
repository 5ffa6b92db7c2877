// An error text must not contain content of a message, but jansson's own error text quotes the payload. So
// these functions use only the code and the position of jansson's error.
#include "decode/json_fault.h"

namespace heartbeat {

namespace {

const char *reason(enum json_error_code code) noexcept {
    switch (code) {
    case json_error_invalid_utf8:
        return "invalid UTF-8";
    case json_error_premature_end_of_input:
        return "unexpected end";
    case json_error_end_of_input_expected:
        return "unexpected bytes after the value";
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "a string contains the character U+0000";
    case json_error_duplicate_key:
        return "a key is repeated in one object";
    case json_error_stack_overflow:
        return "nested too deeply";
    default:
        return "syntax error";
    }
}

} // namespace

bool json_fail(DecodeError *error, const json_error_t &cause, const char *what,
               const char *expected) noexcept {
    const enum json_error_code code = json_error_code(&cause);
    if (code == json_error_numeric_overflow)
        return decode_fail(error, DecodeErrorCode::number_out_of_range,
                           "number out of range at line %d, column %d; expected a 64-bit integer or a double",
                           cause.line, cause.column);
    return decode_fail(error, DecodeErrorCode::invalid_json,
                       "%s is not valid JSON: %s at line %d, column %d; expected one JSON %s in UTF-8", what,
                       reason(code), cause.line, cause.column, expected);
}

bool json_fail_zero_byte(DecodeError *error, size_t offset, const char *what, const char *expected) noexcept {
    return decode_fail(error, DecodeErrorCode::invalid_json,
                       "%s is not valid JSON: a zero byte at offset %zu; expected one JSON %s in UTF-8", what,
                       offset, expected);
}

} // namespace heartbeat
