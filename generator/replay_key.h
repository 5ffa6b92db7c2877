// Generator, replay: the Kafka key of a line that may or may not be a reading.
#pragma once

#include <optional>
#include <string_view>

namespace heartbeat::generator {

// The value of customer_id in the object that the line begins with: the text between its quotes, or an
// integer's digits. None when there is no such object or member, when the value is something else, and when
// the text is empty or holds an escape (decoding JSON is the consumer's work). The rest of the line is not
// looked at.
std::optional<std::string_view> replay_key(std::string_view line);

} // namespace heartbeat::generator
