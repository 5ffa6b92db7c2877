// The limits of mappings, of messages that a decoder reads with a mapping, and of the schemas of these
// messages. docs/sources.md has the limits of mappings and messages, and docs/formats.md has the limits of
// schemas.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

// Limits of a mapping
inline constexpr size_t mapping_bytes_max = 65536;
inline constexpr uint32_t mapping_depth_max = 16;
inline constexpr size_t place_bytes_max = 1024;
inline constexpr size_t place_segments_max = 32;
inline constexpr size_t joined_places_max = 8;
inline constexpr size_t when_places_max = 32;
inline constexpr size_t when_values_max = 256; // the number of values for each place of `when`

// Limits of a message
inline constexpr size_t message_bytes_max = size_t{16} << 20;
inline constexpr size_t message_values_max = size_t{1} << 20; // values of all types; names do not count
inline constexpr uint32_t message_depth_max = 256;
inline constexpr size_t message_readings_max = 100'000;
// the bytes of all customer ids and device ids of a message that the decoder makes from integers or by
// joining several places
inline constexpr size_t message_made_bytes_max = size_t{16} << 20;

// Limits of an Avro schema, together with the schemas to which this schema refers
inline constexpr size_t schema_bytes_max = size_t{1} << 20;
inline constexpr size_t schema_types_max = 16384;
inline constexpr size_t schema_members_max = 65536; // fields, symbols, and the branches of unions
// The number of steps in a compiled Avro schema. If two values have the same type, and the mapping reads
// different members of these values, the plan has the steps of this type twice.
inline constexpr size_t plan_steps_max = 262'144;

// Limits of an Avro message

// The number of skipped values in a message. Values that the reader skips in one step count as one value.
// Deeply nested records can have many values but almost no bytes, so without this limit a small message could
// need too much time. Even the largest usual messages stay below the limit.
inline constexpr uint64_t avro_skips_max = uint64_t{1} << 25;
// The number of bytes in a decimal number, without leading bytes that only repeat the sign. A number of 154
// digits needs 64 bytes.
inline constexpr size_t avro_decimal_bytes_max = 64;

// Limits of a Protobuf schema
inline constexpr size_t protobuf_descriptor_bytes_max = size_t{8} << 20;
// the number of message types, fields, enums and values of enums
inline constexpr size_t protobuf_declarations_max = size_t{128} << 10;
inline constexpr size_t protobuf_name_bytes_max = 1024; // the full name of a type, with outer types
inline constexpr uint32_t protobuf_type_depth_max = 32; // the number of levels of types inside other types
inline constexpr size_t protobuf_plan_fields_max = size_t{256} << 10; // the fields of all message types

// Limits of a Protobuf message
//
// If a group of proto2 is inside other groups, the reader reads the inner group once for each level.
// protobuf_group_bytes_max limits the total number of bytes that the reader reads in the groups of a message.
inline constexpr size_t protobuf_group_bytes_max = size_t{64} << 20;
// For each nested message, the reader needs a slot for each field that the mapping reads, even for a field
// that the nested message does not have. protobuf_slots_max limits the time: it is the number of slots of all
// nested messages together. protobuf_nested_slots_max limits the memory: it is the number of slots of a
// nested message and of the messages around it.
inline constexpr size_t protobuf_slots_max = size_t{64} << 20;
inline constexpr size_t protobuf_nested_slots_max = size_t{1} << 20;

// The decoder keeps its memory for the next message, but not the memory of a message that exceeds one of
// these limits. The parser needs about 15 bytes of memory for each byte of a message.
inline constexpr size_t message_bytes_kept = size_t{256} << 10;
inline constexpr size_t message_values_kept = size_t{64} << 10;
inline constexpr size_t message_readings_kept = 4096;

} // namespace heartbeat
