// Generator, replay: finds the Kafka key of a line, also if the line is not a valid reading. replay.cpp calls
// it.
#pragma once

#include <optional>
#include <string_view>

namespace heartbeat::generator {

// The value of customer_id in the object that the line begins with: the text between its quotes, or an
// integer's digits. No key if the line has no such object or member, if the value has another type, or if the
// text is empty or contains an escape (only the consumer decodes JSON). The rest of the line is not examined.
std::optional<std::string_view> replay_key(std::string_view line);

} // namespace heartbeat::generator
