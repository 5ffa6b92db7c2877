// Reads customer_id, device_id and heart_rate in a mapping. Refuses unknown options, and options with a value
// that is not legal. mapping_time.cpp reads event_timestamp.
#include "decode/mapping_fields.h"

#include "decode/field_values.h"
#include "decode/mapping_limits.h"
#include "decode/mapping_options.h"
#include "decode/reading.h"
#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

constexpr char legal_at[] = "a place, such as \"/user/id\"";
constexpr char legal_joined[] = "a place, or a list of places, which are joined by \"/\"";

std::vector<Place> read_places(const MappingValue &value, size_t lists) {
    std::vector<Place> places;
    const PlaceRules rules = {lists, PlaceUse::field};
    if (value.type() != ValueType::array) {
        places.push_back(place_parse(value.text(legal_joined), rules, value.pointer));
        return places;
    }
    if (value.node().size == 0 || value.node().size > joined_places_max)
        value.refuse("is a list of " + std::to_string(value.node().size) + " places",
                     "a list of 1 to " + std::to_string(joined_places_max) + " places");
    value.for_each([&](const MappingValue &place) {
        places.push_back(place_parse(place.text(legal_at), rules, place.pointer));
    });
    return places;
}

std::string read_strip(const MappingValue &value) {
    const std::string legal = "a text that is not empty, such as \"Patient/\"";
    const std::string_view strip = value.text(legal);
    if (strip.empty())
        value.refuse("is empty", legal);
    if (strip.size() > customer_id_max_bytes)
        value.refuse("has " + std::to_string(strip.size()) + " bytes",
                     "a text of at most " + std::to_string(customer_id_max_bytes) + " bytes");
    return std::string(strip);
}

std::string read_text_fallback(const MappingValue &value, bool may_be_empty) {
    const std::string legal = std::string(may_be_empty ? "a text" : "a text that is not empty") +
                              " of at most 256 characters, or an integer";
    const ValueNode &node = value.node();
    if (node.type == ValueType::integer)
        return std::to_string(node.integer);
    if (node.type == ValueType::unsigned_integer)
        return std::to_string(node.unsigned_integer);
    const std::string_view text = value.text(legal);
    if (text.empty() && !may_be_empty)
        value.refuse("is empty", legal);
    const size_t characters = utf8_count(text.data(), text.size());
    if (characters > customer_id_max_characters)
        value.refuse("has " + std::to_string(characters) + " characters", legal);
    return std::string(text);
}

double read_rate_fallback(const MappingValue &value, RateUnit unit) {
    if (!value.node().is_number())
        value.refuse_type("a number");
    const double number = value.node().number();
    double heart_rate = 0;
    if (!rate_convert(number, unit, &heart_rate))
        value.refuse("is not a heart rate in this unit",
                     "a number in this unit; an interval must be greater than 0");
    return number;
}

} // namespace

TextField mapping_text_field(const MappingValue &value, size_t lists, bool may_be_empty) {
    TextField field;
    if (value.type() != ValueType::object) {
        field.places = read_places(value, lists);
    } else {
        static constexpr std::string_view names[] = {"at", "text", "default", "strip"};
        const Options options(value, names);
        field.places = read_places(options.required("at", legal_joined), lists);
        // the option "text" has no effect on a text field, so this call only checks the type of the option
        options.flag("text");
        if (const auto strip = options.find("strip"))
            field.strip = read_strip(*strip);
        if (const auto fallback = options.find("default"))
            field.fallback = read_text_fallback(*fallback, may_be_empty);
    }
    for (const Place &place : field.places)
        field.level = std::max(field.level, place.level);
    return field;
}

RateField mapping_rate_field(const MappingValue &value, size_t lists) {
    static constexpr std::string_view names[] = {"at", "text", "default", "unit"};
    static constexpr std::string_view units[] = {"bpm", "hz", "rr_ms", "rr_s"};
    RateField field;
    const PlaceRules rules = {lists, PlaceUse::field};
    if (value.type() != ValueType::object) {
        field.place = place_parse(value.text(legal_at), rules, value.pointer);
        mapping_check_number(field.place, false, value.pointer);
        return field;
    }
    const Options options(value, names);
    const MappingValue at = options.required("at", legal_at);
    field.place = place_parse(at.text(legal_at), rules, at.pointer);
    field.text = options.flag("text");
    mapping_check_number(field.place, field.text, at.pointer);
    if (const auto unit = options.find("unit"))
        field.unit = static_cast<RateUnit>(mapping_choice(*unit, units));
    if (const auto fallback = options.find("default"))
        field.fallback = read_rate_fallback(*fallback, field.unit);
    return field;
}

} // namespace heartbeat
