// An error text must not contain content of a message, but jansson's own error text quotes the payload. So
// these functions use only the code and the position of jansson's error.
#include "decode/json_fault.h"

#include "decode/json_arena.h"
#include "decode/json_numbers.h"
#include "decode/mapping_limits.h"
#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

bool fail_number(DecodeError *error, int line, int column) noexcept {
    return decode_fail(error, DecodeErrorCode::number_out_of_range,
                       "number out of range at line %d, column %d; expected a 64-bit integer or a double",
                       line, column);
}

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

// `until_number` is the JSON text up to the last character of the number. Like jansson, this function counts
// characters of UTF-8 from the beginning of the line.
bool fail_number(DecodeError *error, std::string_view until_number) noexcept {
    const auto line = 1 + std::count(until_number.begin(), until_number.end(), '\n');
    const std::string_view shown = until_number.substr(until_number.rfind('\n') + 1);
    return fail_number(error, static_cast<int>(line),
                       static_cast<int>(utf8_count(shown.data(), shown.size())));
}

} // namespace

bool json_fail(DecodeError *error, const json_error_t &cause, const char *what,
               const char *expected) noexcept {
    const enum json_error_code code = json_error_code(&cause);
    if (code == json_error_numeric_overflow)
        return fail_number(error, cause.line, cause.column);
    return decode_fail(error, DecodeErrorCode::invalid_json,
                       "%s is not valid JSON: %s at line %d, column %d; expected one JSON %s in UTF-8", what,
                       reason(code), cause.line, cause.column, expected);
}

bool json_fail_zero_byte(DecodeError *error, size_t offset, const char *what, const char *expected) noexcept {
    return decode_fail(error, DecodeErrorCode::invalid_json,
                       "%s is not valid JSON: a zero byte at offset %zu; expected one JSON %s in UTF-8", what,
                       offset, expected);
}

// The function parses the text again with jansson, because simdjson does not report the position of the
// fault. For a giant text, jansson would need too much memory, so the error has no position. Here jansson
// reads all numbers as doubles, because jansson would refuse an integer of 2^63 or more.
bool json_explain(std::string_view text, const char *what, JsonFault fault, DecodeError *error) noexcept {
    const size_t zero = text.find('\0');
    if (zero != text.npos)
        return json_fail_zero_byte(error, zero, what, "value");
    const size_t end = fault.is_number ? json_number_out_of_range(text) : text.npos;
    if (end != text.npos)
        return fail_number(error, text.substr(0, end));
    if (text.size() <= message_bytes_kept) {
        JsonArena arena;
        json_error_t cause{};
        bool out_of_memory = false;
        const json_t *const root = arena.load(
            text.data(), text.size(), JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
            &cause, &out_of_memory);
        if (out_of_memory)
            return decode_fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading JSON");
        if (root == nullptr)
            return json_fail(error, cause, what, "value");
    }
    return decode_fail(error, DecodeErrorCode::invalid_json,
                       "%s is not valid JSON: %s; expected one JSON value in UTF-8, at most %u levels deep",
                       what, fault.text, message_depth_max);
}

} // namespace heartbeat
