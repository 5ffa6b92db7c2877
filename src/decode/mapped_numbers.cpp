// Reads the heart rate and other numbers. A mapping can allow a text such as "72" as a number.
#include "decode/mapped_numbers.h"

#include "decode/field_values.h"
#include "decode/number_text.h"

namespace heartbeat {

namespace {

constexpr char expected_number[] = "a number";
constexpr char expected_number_or_text[] = "a number, or a number as text";
constexpr char field_name[] = "heart_rate";

NumberResult fail(DecodeError *error, DecodeErrorCode code, const char *name, const PlaceText &place,
                  const char *found, const char *expected) {
    decode_fail(error, code, "%s at %s is %s; expected %s", name, static_cast<const char *>(place), found,
                expected);
    return NumberResult::failed;
}

NumberResult parse(const MappedMessage &message, const Place &place, const char *name, ValueNode *number,
                   DecodeError *error) {
    const std::string_view text = number->text();
    switch (number_parse(text, number)) {
    case NumberText::number:
        return NumberResult::found;
    case NumberText::out_of_range:
        return fail(error, DecodeErrorCode::number_out_of_range, name, {message, place},
                    "a number out of range", "a 64-bit integer or a double");
    case NumberText::not_a_number:
        break;
    }
    return fail(error, DecodeErrorCode::wrong_type, name, {message, place}, "a text that is not a number",
                expected_number_or_text);
}

} // namespace

NumberResult mapped_number(const MappedMessage &message, const Place &place, bool text, const char *name,
                           ValueNode *number, DecodeError *error) noexcept {
    const MappedMessage::Lookup lookup = message.look(place, number);
    if (lookup == MappedMessage::Lookup::missing)
        return NumberResult::missing;
    if (lookup == MappedMessage::Lookup::not_text)
        return fail(error, DecodeErrorCode::wrong_type, name, {message, place}, "not UTF-8 text",
                    expected_number_or_text);
    if (number->is_number())
        return NumberResult::found;
    const bool takes_text = text || place.root == PlaceRoot::name;
    if (takes_text && number->type == ValueType::string)
        return parse(message, place, name, number, error);
    return fail(error, DecodeErrorCode::wrong_type, name, {message, place}, value_type_name(number->type),
                takes_text ? expected_number_or_text : expected_number);
}

bool mapped_heart_rate(const MappedMessage &message, const RateField &field, double *heart_rate,
                       DecodeError *error) noexcept {
    ValueNode number;
    double value = 0;
    switch (mapped_number(message, field.place, field.text, field_name, &number, error)) {
    case NumberResult::found:
        value = number.number();
        break;
    case NumberResult::missing:
        if (!field.fallback)
            return mapped_fail_missing(message, field.place, field_name, expected_number, error);
        value = *field.fallback;
        break;
    case NumberResult::failed:
        return false;
    }
    if (rate_convert(value, field.unit, heart_rate))
        return true;
    const bool is_interval = field.unit == RateUnit::rr_ms || field.unit == RateUnit::rr_s;
    fail(error, DecodeErrorCode::number_out_of_range, field_name, {message, field.place},
         is_interval && value <= 0 ? "an interval of 0 or less" : "a number out of range",
         is_interval ? "an interval between beats, greater than 0" : "a number that a double can hold");
    return false;
}

} // namespace heartbeat
