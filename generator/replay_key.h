// Generator, replay: finds the Kafka key of a line, even if the line is not a valid reading. replay.cpp calls
// this code.
#pragma once

#include <optional>
#include <string_view>

namespace heartbeat::generator {

// The line begins with a JSON object. Returns the value of its member customer_id: the text between the
// quotes, or an integer's digits. Returns no key if the line does not begin with an object, or if the object
// has no customer_id. Returns no key if the value has another type, is empty, or contains an escape, because
// the function does not decode escapes. The function does not examine the rest of the line.
std::optional<std::string_view> replay_key(std::string_view line);

} // namespace heartbeat::generator
