// Generator, replay: finds the Kafka key of a line, even if the line is not a valid reading. replay.cpp calls
// this code.
#pragma once

#include <optional>
#include <string_view>

namespace heartbeat::generator {

// Returns the value of customer_id in the JSON object at the beginning of the line: the text between the
// quotes, or the digits of an integer. Returns no key if the line does not begin with an object, or if the
// object has no customer_id. Returns no key if the value has another type, is empty, or contains an escape,
// because the function does not decode escapes. The function does not examine the rest of the line.
std::optional<std::string_view> replay_key(std::string_view line);

} // namespace heartbeat::generator
