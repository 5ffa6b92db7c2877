// Generator, templates: reads the placeholders in a text of a template, such as "${customer_id}" or
// "Patient/${customer_id}". template_tree.cpp calls placeholder_split().
#pragma once

#include "time_format.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

enum class Field {
    customer_id,
    customer_number,
    device_id,
    device_number,
    heart_rate,
    time,
    start_time,
    end_time,
    offset,
    duration,
    message_number,
    uuid
};

enum class HeartRateUnit { bpm, hz, rr_ms, rr_s };

struct Placeholder {
    Field field;
    HeartRateUnit unit = HeartRateUnit::bpm; // the unit of heart_rate
    TimeFormat format;                       // the format of time, start_time, end_time, offset and duration
    bool is_number = false; // true: a JSON string that contains only this placeholder becomes a number
};

// A piece of a text: the text before a placeholder, and then the placeholder. The last piece may have no
// placeholder.
struct TextPiece {
    std::string before;
    std::optional<Placeholder> placeholder;
};

// Splits a text at its placeholders. If a placeholder is wrong, throws std::invalid_argument. The text of
// this exception names the mistake: for example, an unknown name and all legal names.
std::vector<TextPiece> placeholder_split(std::string_view text);

// Returns true if the placeholder writes whole numbers.
bool placeholder_is_whole(const Placeholder &placeholder);

} // namespace heartbeat::generator
