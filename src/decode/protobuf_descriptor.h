// Reads parts of descriptors: names, options, and the declarations of fields. protobuf_parse.cpp calls these
// functions. The field numbers in this code come from descriptor.proto.
#pragma once

#include "decode/protobuf_features.h"
#include "decode/protobuf_schema.h"

namespace heartbeat {

inline constexpr char expected_descriptors[] = "expected the bytes of a google.protobuf.FileDescriptorSet";

// Calls take(field) for each field of a descriptor, until take() returns false.
template <typename Take> bool descriptor_each(std::string_view bytes, SchemaError *error, Take take) {
    uint64_t group_bytes = 0;
    WireCursor cursor(bytes, &group_bytes);
    WireField field;
    while (!cursor.at_end()) {
        if (!cursor.next(&field))
            return protobuf_schema_fail(error, "the descriptors are damaged: %s; %s", cursor.fault(),
                                        expected_descriptors);
        if (!take(field))
            return false;
    }
    return true;
}

// Returns whether the field of a descriptor has the number `number` and contains a text or a message.
inline bool descriptor_has_bytes(const WireField &field, uint32_t number) {
    return field.number == number && field.type == WireType::bytes;
}

inline bool descriptor_has_number(const WireField &field, uint32_t number) {
    return field.number == number && field.type == WireType::varint;
}

inline bool descriptor_is_name(std::string_view name) noexcept {
    for (const char c : name)
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '.'))
            return false;
    return !name.empty() && name.size() <= protobuf_name_bytes_max;
}

bool descriptor_fail_name(const char *what, SchemaError *error) noexcept;

// Applies the features in `options` to *features. `number` is the field number of `features` in `options`. It
// is different in each type of options of descriptor.proto.
bool descriptor_change(std::string_view options, uint32_t number, ProtobufFeatures *features,
                       SchemaError *error) noexcept;

// Adds a field to the message. `oneofs` has the features of each oneof in the message. May throw
// std::bad_alloc.
bool descriptor_field(std::string_view bytes, ProtobufFeatures features,
                      const std::vector<ProtobufFeatures> &oneofs, ProtobufMessage *message,
                      SchemaError *error);

} // namespace heartbeat
