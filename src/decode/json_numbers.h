// Finds the number that is out of range in a JSON text. json_fault.cpp calls this function.
#pragma once

#include <cstddef>
#include <string_view>

namespace heartbeat {

// Looks for the first number in `text` that is malformed or out of range. An integer is out of range if it
// fits neither into a signed nor into an unsigned integer of 64 bits. Another number is out of range if it
// does not fit into a double. If this first number is out of range, returns the index after the number.
// Returns npos if this first number is malformed, or if all numbers are correct. The text before this number
// must be correct JSON.
size_t json_number_out_of_range(std::string_view text) noexcept;

} // namespace heartbeat
