// The limits of mappings, of messages that are decoded with a mapping, and of the schemas of these messages.
// docs/sources.md has the same table for mappings and messages.
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

// Of a schema in Avro's language, together with the schemas that it refers to
inline constexpr size_t schema_bytes_max = size_t{1} << 20;
inline constexpr size_t schema_types_max = 16384;
inline constexpr size_t schema_members_max = 65536; // fields, symbols, and the branches of unions
// of a compiled schema: each part of the schema once for each way in which the mapping reads it
inline constexpr size_t plan_steps_max = 262'144;

// Of a message in Avro
// The values that are skipped, if the schema does not say how many bytes they have. A message of the largest
// size has fewer values, unless it has deep records with almost no content. Such a message would cost much
// time for its size.
inline constexpr uint64_t avro_skips_max = uint64_t{1} << 25;
// of a decimal number without its leading sign bytes; its unscaled value has up to 154 digits
inline constexpr size_t avro_decimal_bytes_max = 64;

// Of a schema of Protobuf
inline constexpr size_t protobuf_descriptor_bytes_max = size_t{8} << 20;
// of messages, fields, enums and their names
inline constexpr size_t protobuf_declarations_max = size_t{128} << 10;
inline constexpr size_t protobuf_name_bytes_max = 1024; // of a type, with its package and its outer types
inline constexpr uint32_t protobuf_type_depth_max = 32; // of types that are declared in types
inline constexpr size_t protobuf_plan_fields_max = size_t{256} << 10; // of all messages together

// Of a message of Protobuf. Groups of proto2 that are in groups are read several times. This limits the
// bytes that are read.
inline constexpr size_t protobuf_group_bytes_max = size_t{64} << 20;
// For each message in a message, the reader needs memory and time for each field of its type that the mapping
// reads, also for fields that the message lacks. These limit all messages together, and those that are in
// each other.
inline constexpr size_t protobuf_slots_max = size_t{64} << 20;
inline constexpr size_t protobuf_nested_slots_max = size_t{1} << 20;

// If a message has more bytes, values or readings than these limits, the decoder frees the memory of the
// message. It does this before it decodes the next message. The parser needs about 15 bytes of memory for
// each byte of a message.
inline constexpr size_t message_bytes_kept = size_t{256} << 10;
inline constexpr size_t message_values_kept = size_t{64} << 10;
inline constexpr size_t message_readings_kept = 4096;

} // namespace heartbeat
