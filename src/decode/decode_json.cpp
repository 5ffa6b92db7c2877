// Parses a JSON object, and returns the three fields of a reading, or an error text for a person. This file
// must not include PostgreSQL's headers and must never call jansson's json_object(): the server exports
// another function with that name.
#include "decode/decode_json.h"

#include "decode/json_arena.h"
#include "decode/timestamp.h"

#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <jansson.h>

namespace heartbeat {

namespace {

constexpr char expected_customer_id[] = "a non-empty string or an integer";
constexpr char expected_heart_rate[] = "a number";
constexpr char expected_event_timestamp[] = "a string with an RFC 3339 timestamp";

[[gnu::format(printf, 3, 4)]] bool fail(DecodeError *error, DecodeErrorCode code, const char *format,
                                        ...) noexcept {
    va_list values;
    va_start(values, format);
    error->code = code;
    std::vsnprintf(error->text, sizeof(error->text), format, values);
    va_end(values);
    return false;
}

const char *found_type(const json_t *value) noexcept {
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return "an object";
    case JSON_ARRAY:
        return "an array";
    case JSON_STRING:
        return "a string";
    case JSON_INTEGER:
        return "an integer";
    case JSON_REAL:
        return "a number with a fraction or an exponent";
    case JSON_TRUE:
    case JSON_FALSE:
        return "a boolean";
    case JSON_NULL:
        break;
    }
    return "null";
}

bool fail_missing(DecodeError *error, const char *field, const char *expected) noexcept {
    return fail(error, DecodeErrorCode::missing_field, "%s is missing; expected %s", field, expected);
}

bool fail_type(DecodeError *error, const char *field, const json_t *value, const char *expected) noexcept {
    return fail(error, DecodeErrorCode::wrong_type, "%s is %s; expected %s", field, found_type(value),
                expected);
}

const char *json_error_reason(enum json_error_code code) noexcept {
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

// The parser's error text quotes the payload. So the stored error has only the parser's code and position.
bool fail_json(DecodeError *error, const json_error_t &cause) noexcept {
    const enum json_error_code code = json_error_code(&cause);
    if (code == json_error_numeric_overflow)
        return fail(error, DecodeErrorCode::number_out_of_range,
                    "number out of range at line %d, column %d; expected a 64-bit integer or a double",
                    cause.line, cause.column);
    return fail(error, DecodeErrorCode::invalid_json,
                "payload is not valid JSON: %s at line %d, column %d; expected one JSON object in UTF-8",
                json_error_reason(code), cause.line, cause.column);
}

// The parser has checked that the text is UTF-8. In UTF-8 each character has exactly one byte that is not a
// continuation byte, so this function counts these bytes.
size_t count_characters(const char *text, size_t size) noexcept {
    size_t characters = 0;
    for (size_t i = 0; i < size; ++i)
        characters += (static_cast<unsigned char>(text[i]) & 0xC0U) != 0x80U;
    return characters;
}

bool read_customer_id(const json_t *value, Reading *reading, DecodeError *error) noexcept {
    if (value == nullptr)
        return fail_missing(error, field_customer_id, expected_customer_id);
    if (json_is_integer(value)) {
        const std::to_chars_result end = std::to_chars(
            reading->customer_id, reading->customer_id + customer_id_max_bytes, json_integer_value(value));
        reading->customer_id_size = static_cast<uint16_t>(end.ptr - reading->customer_id);
        return true;
    }
    if (!json_is_string(value))
        return fail_type(error, field_customer_id, value, expected_customer_id);

    const char *text = json_string_value(value);
    const size_t size = json_string_length(value);
    if (size == 0)
        return fail(error, DecodeErrorCode::customer_id_empty, "%s is an empty string; expected %s",
                    field_customer_id, expected_customer_id);
    if (size > customer_id_max_characters) {
        const size_t characters = count_characters(text, size);
        if (characters > customer_id_max_characters)
            return fail(error, DecodeErrorCode::customer_id_too_long,
                        "%s is a string of %zu characters; expected at most %zu", field_customer_id,
                        characters, customer_id_max_characters);
    }
    std::memcpy(reading->customer_id, text, size);
    reading->customer_id_size = static_cast<uint16_t>(size);
    return true;
}

bool read_heart_rate(const json_t *value, Reading *reading, DecodeError *error) noexcept {
    if (value == nullptr)
        return fail_missing(error, field_heart_rate, expected_heart_rate);
    if (!json_is_number(value))
        return fail_type(error, field_heart_rate, value, expected_heart_rate);
    reading->heart_rate = json_number_value(value);
    return true;
}

bool read_event_time(const json_t *value, Reading *reading, DecodeError *error) noexcept {
    if (value == nullptr)
        return fail_missing(error, field_event_timestamp, expected_event_timestamp);
    if (!json_is_string(value))
        return fail_type(error, field_event_timestamp, value, expected_event_timestamp);
    const size_t size = json_string_length(value);
    if (!timestamp_parse({json_string_value(value), size}, &reading->event_time))
        return fail(
            error, DecodeErrorCode::invalid_timestamp,
            "%s is a string of %zu bytes that is no timestamp; expected YYYY-MM-DDTHH:MM:SS of a real date, "
            "with an optional fraction and zone",
            field_event_timestamp, size);
    return true;
}

} // namespace

bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept {
    JsonArena arena;
    json_error_t cause{};
    bool out_of_memory = false;
    const json_t *const root =
        arena.load(payload, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause, &out_of_memory);
    if (out_of_memory)
        return fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading JSON");
    if (root == nullptr)
        return fail_json(error, cause);
    if (!json_is_object(root))
        return fail(error, DecodeErrorCode::not_an_object, "payload is %s; expected a JSON object",
                    found_type(root));

    return read_customer_id(json_object_get(root, field_customer_id), reading, error) &&
           read_heart_rate(json_object_get(root, field_heart_rate), reading, error) &&
           read_event_time(json_object_get(root, field_event_timestamp), reading, error);
}

} // namespace heartbeat
