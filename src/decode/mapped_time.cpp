// Reads event_timestamp, which is a text or a number. With the option `date`, the date comes from a second
// place. With the option `plus`, the decoder adds the number at another place to the time.
#include "decode/field_values.h"
#include "decode/mapped_fields.h"
#include "decode/mapped_numbers.h"

namespace heartbeat {

namespace {

using Lookup = MappedMessage::Lookup;

constexpr char field_name[] = "event_timestamp";
constexpr char expected_time[] = "YYYY-MM-DDTHH:MM:SS of a real date, with an optional fraction and zone";
constexpr char expected_time_of_day[] = "HH:MM:SS, with an optional fraction and zone";
constexpr char expected_date[] = "YYYY-MM-DD of a real date";
constexpr char expected_epoch[] = "a number since 1970 in the mapping's unit";
constexpr char expected_addition[] = "a number in the mapping's unit";
constexpr char expected_years[] = "a time in the years 0000 to 9999: check the unit in the mapping";

bool fail_text(const MappedMessage &message, const Place &place, size_t size, const char *expected,
               DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::invalid_timestamp,
                       "%s at %s is a string of %zu bytes that is not a timestamp; expected %s", field_name,
                       static_cast<const char *>(PlaceText(message, place)), size, expected);
}

bool fail_years(const MappedMessage &message, const Place &place, DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::invalid_timestamp, "%s at %s is out of range; expected %s",
                       field_name, static_cast<const char *>(PlaceText(message, place)), expected_years);
}

// Finds the text at a place. *found is false if the place is missing.
bool find_text(const MappedMessage &message, const Place &place, const char *expected, std::string_view *text,
               bool *found, DecodeError *error) {
    ValueNode node;
    const Lookup lookup = message.look(place, &node);
    *found = lookup != Lookup::missing;
    if (lookup == Lookup::missing)
        return true;
    if (lookup == Lookup::found && node.type == ValueType::string) {
        *text = node.text();
        return true;
    }
    return decode_fail(error, DecodeErrorCode::wrong_type, "%s at %s is %s; expected a string: %s",
                       field_name, static_cast<const char *>(PlaceText(message, place)),
                       lookup == Lookup::not_text ? "not UTF-8 text" : value_type_name(node.type), expected);
}

// Finds the integer at the place. Returns false if the place has no integer, or if the schema does not
// declare the unit of the integer.
bool find_scaled(const MappedMessage &message, const Place &place, ValueNode *integer) {
    return message.look(place, integer) == Lookup::found && integer->scale() != TimeScale::none;
}

bool fail_scaled(const MappedMessage &message, const Place &place, const char *expected, DecodeError *error) {
    return decode_fail(error, DecodeErrorCode::invalid_timestamp,
                       "%s at %s is a number that the schema declares as another time, or is out of range; "
                       "expected %s",
                       field_name, static_cast<const char *>(PlaceText(message, place)), expected);
}

bool add_date(const MappedMessage &message, const Place &place, TimestampParts *parts, DecodeError *error) {
    std::string_view text;
    ValueNode days;
    bool found = false;
    int64_t midnight = 0;
    if (find_scaled(message, place, &days)) {
        constexpr int64_t days_max = int64_t{10'000} * 366;
        if (days.scale() != TimeScale::days || days.integer < -days_max || days.integer > days_max)
            return fail_scaled(message, place, expected_date, error);
        parts->local_time += days.integer * microseconds_per_day;
        return event_time_is_legal(parts->local_time) || fail_years(message, place, error);
    }
    if (!find_text(message, place, expected_date, &text, &found, error))
        return false;
    if (!found)
        return mapped_fail_missing(message, place, field_name, expected_date, error);
    if (!timestamp_parse_date(text, &midnight))
        return fail_text(message, place, text.size(), expected_date, error);
    parts->local_time += midnight;
    return true;
}

// Reads the value at the place of the field. The value is a text, or an integer whose unit the schema
// declares.
bool read_parts(const MappedMessage &message, const TimeField &field, TimestampParts *parts,
                DecodeError *error) {
    const char *const expected = field.date ? expected_time_of_day : expected_time;
    std::string_view text;
    ValueNode integer;
    bool found = false;
    if (!field.names_unit && find_scaled(message, field.place, &integer))
        return scaled_convert(integer, field.date.has_value(), parts) ||
               fail_scaled(message, field.place, expected, error);
    if (!find_text(message, field.place, expected, &text, &found, error))
        return false;
    if (found)
        return (field.date ? timestamp_parse_time_of_day(text, parts) : timestamp_parse_parts(text, parts)) ||
               fail_text(message, field.place, text.size(), expected, error);
    if (!field.fallback)
        return mapped_fail_missing(message, field.place, field_name, expected, error);
    *parts = *field.fallback;
    return true;
}

bool read_text(const MappedMessage &message, const TimeField &field, ZoneSpan *span, int64_t *event_time,
               DecodeError *error) {
    TimestampParts parts{};
    if (!read_parts(message, field, &parts, error))
        return false;
    if (field.date && !add_date(message, *field.date, &parts, error))
        return false;
    *event_time = parts.local_time - parts.offset_seconds * microseconds_per_second;
    if (parts.has_zone || field.zone.to_utc(parts.local_time, span, event_time))
        return true;
    return decode_fail(error, DecodeErrorCode::out_of_memory, "the time zone database cannot be read");
}

bool read_epoch(const MappedMessage &message, const TimeField &field, int64_t *event_time,
                DecodeError *error) {
    ValueNode number;
    switch (mapped_number(message, field.place, field.text, field_name, &number, error)) {
    case NumberResult::failed:
        return false;
    case NumberResult::missing:
        if (!field.fallback)
            return mapped_fail_missing(message, field.place, field_name, expected_epoch, error);
        *event_time = field.fallback->local_time;
        return true;
    case NumberResult::found:
        break;
    }
    if (number.scale() == TimeScale::instant_us) {
        *event_time = number.integer;
        return event_time_is_legal(*event_time) || fail_years(message, field.place, error);
    }
    return (epoch_convert(number, field.unit, event_time) && event_time_is_legal(*event_time)) ||
           fail_years(message, field.place, error);
}

} // namespace

bool mapped_base_time(const MappedMessage &message, const TimeField &field, ZoneSpan *span,
                      int64_t *event_time, DecodeError *error) noexcept {
    return field.unit == TimeUnit::iso ? read_text(message, field, span, event_time, error)
                                       : read_epoch(message, field, event_time, error);
}

bool mapped_addition(const MappedMessage &message, const TimeField &field, int64_t *addition,
                     DecodeError *error) noexcept {
    ValueNode number;
    switch (mapped_number(message, *field.plus, field.text, field_name, &number, error)) {
    case NumberResult::failed:
        return false;
    case NumberResult::missing:
        return mapped_fail_missing(message, *field.plus, field_name, expected_addition, error);
    case NumberResult::found:
        break;
    }
    return epoch_convert(number, field.plus_unit, addition) || fail_years(message, *field.plus, error);
}

bool mapped_add(const MappedMessage &message, const TimeField &field, int64_t addition, int64_t *event_time,
                DecodeError *error) noexcept {
    return (!__builtin_add_overflow(*event_time, addition, event_time) && event_time_is_legal(*event_time)) ||
           fail_years(message, *field.plus, error);
}

} // namespace heartbeat
