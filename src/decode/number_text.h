// Parses numbers that are texts: a text of a message, the name of a member, or a part of a JSON text.
#pragma once

#include "decode/value_tree.h"

namespace heartbeat {

enum class NumberText : uint8_t { number, not_a_number, out_of_range };

// Parses a text that must contain only a JSON number.
NumberText number_parse(std::string_view text, ValueNode *number) noexcept;

} // namespace heartbeat
