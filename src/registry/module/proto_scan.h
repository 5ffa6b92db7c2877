// Checks the text of a .proto file before libprotobuf parses it. libprotobuf's parser of texts calls itself
// for each nested block, and does not limit the depth. So a hostile text could exhaust the stack and end the
// process.
#pragma once

#include <string_view>

namespace heartbeat {

inline constexpr size_t proto_text_max = 1 << 20;
inline constexpr int proto_depth_max = 64;

// Returns nullptr if libprotobuf may parse the text. Otherwise returns a text about the mistake, and sets
// *line to the line of the mistake.
const char *proto_scan(std::string_view text, int *line) noexcept;

} // namespace heartbeat
