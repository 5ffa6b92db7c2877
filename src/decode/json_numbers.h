// Finds the number because of which a parser has refused a JSON text. json_fault.cpp calls this function.
#pragma once

#include <cstddef>
#include <string_view>

namespace heartbeat {

// Looks for the first number in `text` that is not a JSON number, or is out of range: an integer that does
// not fit into 64 bits, with or without a sign, or another number that does not fit into a double. If this
// number is out of range, returns the index after the number. Otherwise returns npos. Before this number, the
// text must be correct JSON.
size_t json_number_out_of_range(std::string_view text) noexcept;

} // namespace heartbeat
