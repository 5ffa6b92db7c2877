// Generator, templates: reads the placeholders in a text of a template. A placeholder is ${NAME} or
// ${NAME:FORMAT}. With |text before the closing brace, a placeholder writes its number as a JSON string.
#include "placeholder.h"

#include <algorithm>
#include <array>
#include <stdexcept>

namespace heartbeat::generator {

namespace {

enum class FormatOf { nothing, time, offset, heart_rate };

struct Known {
    std::string_view name;
    Field field;
    FormatOf format;
    bool is_number; // true: without a format, the placeholder writes a number
};

constexpr std::array<Known, 12> known{{{"customer_id", Field::customer_id, FormatOf::nothing, false},
                                       {"customer_number", Field::customer_number, FormatOf::nothing, true},
                                       {"device_id", Field::device_id, FormatOf::nothing, false},
                                       {"device_number", Field::device_number, FormatOf::nothing, true},
                                       {"heart_rate", Field::heart_rate, FormatOf::heart_rate, true},
                                       {"time", Field::time, FormatOf::time, false},
                                       {"start_time", Field::start_time, FormatOf::time, false},
                                       {"end_time", Field::end_time, FormatOf::time, false},
                                       {"offset", Field::offset, FormatOf::offset, true},
                                       {"duration", Field::duration, FormatOf::offset, true},
                                       {"message_number", Field::message_number, FormatOf::nothing, true},
                                       {"uuid", Field::uuid, FormatOf::nothing, false}}};

constexpr std::array<std::string_view, 4> heart_rate_units{"bpm", "hz", "rr_ms", "rr_s"};

template <typename Names, typename NameOf> std::string list_of(const Names &names, NameOf name_of) {
    std::string list;
    for (size_t i = 0; i < names.size(); i++) {
        if (i > 0)
            list += i + 1 == names.size() ? " and " : ", ";
        list += name_of(names[i]);
    }
    return list;
}

const Known &find_known(std::string_view name) {
    const auto *found =
        std::find_if(known.begin(), known.end(), [&](const Known &k) { return k.name == name; });
    if (found == known.end())
        throw std::invalid_argument("there is no placeholder \"" + std::string(name) +
                                    "\". Legal placeholders are " +
                                    list_of(known, [](const Known &k) { return k.name; }));
    return *found;
}

HeartRateUnit heart_rate_unit(std::string_view name) {
    const auto *found = std::find(heart_rate_units.begin(), heart_rate_units.end(), name);
    if (found == heart_rate_units.end())
        throw std::invalid_argument("\"" + std::string(name) +
                                    "\" is not a unit of a heart rate. Legal units are " +
                                    list_of(heart_rate_units, [](std::string_view unit) { return unit; }));
    return static_cast<HeartRateUnit>(found - heart_rate_units.begin());
}

void take_format(const Known &kind, std::string_view format, Placeholder *placeholder) {
    switch (kind.format) {
    case FormatOf::nothing:
        throw std::invalid_argument("\"" + std::string(kind.name) + "\" has no format");
    case FormatOf::heart_rate:
        placeholder->unit = heart_rate_unit(format);
        return;
    case FormatOf::time:
    case FormatOf::offset:
        placeholder->format = TimeFormat(format);
        placeholder->is_number = placeholder->format.is_number();
        if (kind.format == FormatOf::offset && !placeholder->is_number)
            throw std::invalid_argument(
                "\"" + std::string(format) +
                "\" is not a unit of a duration. Legal units are s, ms, us and ns, also with a fraction "
                "such as s.fff");
        return;
    }
}

// `text` is the text between the braces.
Placeholder read_placeholder(std::string_view text) {
    constexpr std::string_view as_text = "|text";
    const size_t bar = text.find('|');
    const std::string_view body = text.substr(0, bar);
    const size_t colon = body.find(':');
    const Known &kind = find_known(body.substr(0, colon));
    Placeholder placeholder;
    placeholder.field = kind.field;
    placeholder.is_number = kind.is_number;
    if (colon != std::string_view::npos)
        take_format(kind, body.substr(colon + 1), &placeholder);
    else if (kind.format == FormatOf::offset)
        placeholder.format = TimeFormat("s");
    if (bar != std::string_view::npos) {
        if (text.substr(bar) != as_text)
            throw std::invalid_argument("\"" + std::string(text.substr(bar)) +
                                        "\" is unknown. Only |text is legal: it writes a number as text");
        placeholder.is_number = false;
    }
    return placeholder;
}

} // namespace

std::vector<TextPiece> placeholder_split(std::string_view text) {
    constexpr std::string_view opening = "${";
    std::vector<TextPiece> pieces(1);
    while (!text.empty()) {
        const size_t at = std::min(text.find(opening), text.size());
        pieces.back().before += text.substr(0, at);
        text.remove_prefix(at);
        if (text.empty())
            break;
        // $${ stands for the text ${
        if (!pieces.back().before.empty() && pieces.back().before.back() == '$') {
            pieces.back().before += text.substr(1, 1);
            text.remove_prefix(opening.size());
            continue;
        }
        const size_t end = text.find('}');
        if (end == std::string_view::npos)
            throw std::invalid_argument("\"" + std::string(text) +
                                        "\" has no closing brace. Write $${ for the text ${");
        pieces.back().placeholder = read_placeholder(text.substr(opening.size(), end - opening.size()));
        pieces.emplace_back();
        text.remove_prefix(end + 1);
    }
    if (pieces.size() > 1 && pieces.back().before.empty())
        pieces.pop_back();
    return pieces;
}

bool placeholder_is_whole(const Placeholder &placeholder) {
    switch (placeholder.field) {
    case Field::heart_rate:
        return false;
    case Field::customer_number:
    case Field::device_number:
    case Field::message_number:
        return true;
    default:
        return placeholder.format.per_unit() == 1;
    }
}

} // namespace heartbeat::generator
