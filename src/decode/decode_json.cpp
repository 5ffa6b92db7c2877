// Parses a JSON object, and returns the three fields of a reading, or an error text for a person. This file
// must not include PostgreSQL's headers. This file must also never call jansson's json_object(), because the
// server exports another function with that name.
#include "decode/decode_json.h"

#include "decode/json_arena.h"
#include "decode/json_fault.h"
#include "decode/timestamp.h"
#include "decode/utf8_text.h"

#include <charconv>
#include <cstring>
#include <jansson.h>
#include <string_view>

namespace heartbeat {

namespace {

constexpr char expected_customer_id[] = "a non-empty string or an integer";
constexpr char expected_heart_rate[] = "a number";
constexpr char expected_event_timestamp[] = "a string with an RFC 3339 timestamp";

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
    return decode_fail(error, DecodeErrorCode::missing_field, "%s is missing; expected %s", field, expected);
}

bool fail_type(DecodeError *error, const char *field, const json_t *value, const char *expected) noexcept {
    return decode_fail(error, DecodeErrorCode::wrong_type, "%s is %s; expected %s", field, found_type(value),
                       expected);
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
        return decode_fail(error, DecodeErrorCode::customer_id_empty, "%s is an empty string; expected %s",
                           field_customer_id, expected_customer_id);
    if (size > customer_id_max_characters) {
        const size_t characters = utf8_count(text, size);
        if (characters > customer_id_max_characters)
            return decode_fail(error, DecodeErrorCode::customer_id_too_long,
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
        return decode_fail(
            error, DecodeErrorCode::invalid_timestamp,
            "%s is a string of %zu bytes that is no timestamp; expected YYYY-MM-DDTHH:MM:SS of a real date, "
            "with an optional fraction and zone",
            field_event_timestamp, size);
    return true;
}

} // namespace

bool decode_json(const char *payload, size_t size, Reading *reading, DecodeError *error) noexcept {
    const size_t zero = std::string_view(payload, size).find('\0');
    if (zero != std::string_view::npos)
        return json_fail_zero_byte(error, zero, "payload", "object");
    JsonArena arena;
    json_error_t cause{};
    bool out_of_memory = false;
    const json_t *const root =
        arena.load(payload, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &cause, &out_of_memory);
    if (out_of_memory)
        return decode_fail(error, DecodeErrorCode::out_of_memory, "out of memory while reading JSON");
    if (root == nullptr)
        return json_fail(error, cause, "payload", "object");
    if (!json_is_object(root))
        return decode_fail(error, DecodeErrorCode::not_an_object, "payload is %s; expected a JSON object",
                           found_type(root));

    return read_customer_id(json_object_get(root, field_customer_id), reading, error) &&
           read_heart_rate(json_object_get(root, field_heart_rate), reading, error) &&
           read_event_time(json_object_get(root, field_event_timestamp), reading, error);
}

} // namespace heartbeat
