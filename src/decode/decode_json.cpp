// Parses a JSON object, and returns the three fields of a reading, or an error text for a person. This file
// must not include PostgreSQL's headers. This file must also never call jansson's json_object(), because the
// server exports another function with that name.
#include "decode/decode_json.h"

#include "decode/json_arena.h"
#include "decode/json_fault.h"
#include "decode/json_tree.h"
#include "decode/timestamp.h"
#include "decode/utf8_text.h"
#include "decode/value_tree.h"

#include <charconv>
#include <cstring>
#include <jansson.h>
#include <optional>
#include <string_view>

namespace heartbeat {

namespace {

constexpr char expected_customer_id[] = "a non-empty string or an integer";
constexpr char expected_heart_rate[] = "a number";
constexpr char expected_event_timestamp[] = "a string with an RFC 3339 timestamp";

using Member = std::optional<ValueNode>; // no value: the object does not have the member

// Converts a value of jansson to a node. An object or array gets no children, because no field accepts an
// object or array.
Member member_of(const json_t *value) noexcept {
    if (value == nullptr)
        return {};
    ValueNode node{};
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        node.type = ValueType::object;
        break;
    case JSON_ARRAY:
        node.type = ValueType::array;
        break;
    case JSON_STRING:
        node.type = ValueType::string;
        node.text_data = json_string_value(value);
        node.size = static_cast<uint32_t>(json_string_length(value));
        break;
    case JSON_INTEGER:
        node.type = ValueType::integer;
        node.integer = json_integer_value(value);
        break;
    case JSON_REAL:
        node.type = ValueType::real;
        node.real = json_real_value(value);
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        node.type = ValueType::boolean;
        break;
    case JSON_NULL:
        node.type = ValueType::null;
    }
    return node;
}

bool fail_missing(DecodeError *error, const char *field, const char *expected) noexcept {
    return decode_fail(error, DecodeErrorCode::missing_field, "%s is missing; expected %s", field, expected);
}

bool fail_type(DecodeError *error, const char *field, const Member &value, const char *expected) noexcept {
    return decode_fail(error, DecodeErrorCode::wrong_type, "%s is %s; expected %s", field,
                       value_type_name(value->type), expected);
}

bool fail_object(DecodeError *error, ValueType found) noexcept {
    return decode_fail(error, DecodeErrorCode::not_an_object, "payload is %s; expected a JSON object",
                       value_type_name(found));
}

bool read_customer_id(const Member &value, Reading *reading, DecodeError *error) noexcept {
    if (!value)
        return fail_missing(error, field_customer_id, expected_customer_id);
    if (value->type == ValueType::integer || value->type == ValueType::unsigned_integer) {
        char *const limit = reading->customer_id + customer_id_max_bytes;
        const std::to_chars_result end =
            value->type == ValueType::integer
                ? std::to_chars(reading->customer_id, limit, value->integer)
                : std::to_chars(reading->customer_id, limit, value->unsigned_integer);
        reading->customer_id_size = static_cast<uint16_t>(end.ptr - reading->customer_id);
        return true;
    }
    if (value->type != ValueType::string)
        return fail_type(error, field_customer_id, value, expected_customer_id);

    const char *const text = value->text_data;
    const size_t size = value->size;
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

bool read_heart_rate(const Member &value, Reading *reading, DecodeError *error) noexcept {
    if (!value)
        return fail_missing(error, field_heart_rate, expected_heart_rate);
    if (!value->is_number())
        return fail_type(error, field_heart_rate, value, expected_heart_rate);
    reading->heart_rate = value->number();
    return true;
}

bool read_event_time(const Member &value, Reading *reading, DecodeError *error) noexcept {
    if (!value)
        return fail_missing(error, field_event_timestamp, expected_event_timestamp);
    if (value->type != ValueType::string)
        return fail_type(error, field_event_timestamp, value, expected_event_timestamp);
    const std::string_view text = value->text();
    if (!timestamp_parse(text, &reading->event_time))
        return decode_fail(
            error, DecodeErrorCode::invalid_timestamp,
            "%s is a string of %zu bytes that is no timestamp; expected YYYY-MM-DDTHH:MM:SS of a real date, "
            "with an optional fraction and zone",
            field_event_timestamp, text.size());
    return true;
}

// find(name) returns the member with this name.
template <typename Find> bool read_fields(const Find &find, Reading *reading, DecodeError *error) noexcept {
    return read_customer_id(find(field_customer_id), reading, error) &&
           read_heart_rate(find(field_heart_rate), reading, error) &&
           read_event_time(find(field_event_timestamp), reading, error);
}

// jansson refuses each integer of 2^63 or more, even in a member that is not a field of a reading. JsonTree
// accepts integers up to 2^64 - 1, but is slower and accepts fewer levels. So decode_json() calls this
// function only after jansson has refused a number.
bool decode_large_integers(std::string_view payload, Reading *reading, DecodeError *error) noexcept {
    JsonTree json;
    if (!json.parse(payload, "payload", error))
        return false;
    const ValueTree &tree = json.tree();
    if (tree[0].type != ValueType::object)
        return fail_object(error, tree[0].type);
    const auto find = [&](const char *name) {
        const uint32_t found = value_member(tree, 0, name);
        return found == no_value ? Member() : tree[found];
    };
    return read_fields(find, reading, error);
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
        return json_error_code(&cause) == json_error_numeric_overflow
                   ? decode_large_integers({payload, size}, reading, error)
                   : json_fail(error, cause, "payload", "object");
    if (!json_is_object(root))
        return fail_object(error, member_of(root)->type);
    const auto find = [&](const char *name) { return member_of(json_object_get(root, name)); };
    return read_fields(find, reading, error);
}

} // namespace heartbeat
