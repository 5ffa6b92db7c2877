// The limits of mappings, and of messages that are decoded with a mapping. docs/sources.md has the same
// table.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// Of a mapping
inline constexpr size_t mapping_bytes_max = 65536;
inline constexpr uint32_t mapping_depth_max = 16;
inline constexpr size_t place_bytes_max = 1024;
inline constexpr size_t place_segments_max = 32;
inline constexpr size_t joined_places_max = 8;
inline constexpr size_t when_places_max = 32;
inline constexpr size_t when_values_max = 256; // of one place

// Of a message
inline constexpr size_t message_bytes_max = size_t{16} << 20;
inline constexpr size_t message_values_max = size_t{1} << 20; // values of all types, names not counted
inline constexpr uint32_t message_depth_max = 256;
inline constexpr size_t message_readings_max = 100'000;
// of the customer ids and device ids that the decoder makes from integers and from lists of places
inline constexpr size_t message_made_bytes_max = size_t{16} << 20;

// If a message has more bytes, values or readings than these limits, the decoder frees the memory of the
// message. It does this before it decodes the next message. The parser needs about 15 bytes of memory for
// each byte of a message.
inline constexpr size_t message_bytes_kept = size_t{256} << 10;
inline constexpr size_t message_values_kept = size_t{64} << 10;
inline constexpr size_t message_readings_kept = 4096;

} // namespace heartbeat
