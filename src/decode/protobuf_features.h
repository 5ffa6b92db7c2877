// Finds the rules for the files, messages, fields and enums of a Protobuf schema. proto2 and proto3 have
// fixed rules. In an edition, options with the name `features` can change the rules. protobuf_parse.cpp calls
// these functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace heartbeat {

// A new ProtobufFeatures has the features of edition 2023.
struct ProtobufFeatures {
    bool has_presence = true;   // false: a number, text or enum that a message lacks has its default value
    bool closed_enums = false;  // true: a field whose value is not in its enum counts as an unknown field
    bool are_delimited = false; // messages are encoded as groups
    bool has_editions = true;   // options can change the features
};

// `syntax` and `edition` are fields of a FileDescriptorProto.
ProtobufFeatures protobuf_features_of_file(std::string_view syntax, uint64_t edition) noexcept;

// Applies the features in `options` to *features. `number` is the field number of `features` in `options`. It
// is different in each type of options of descriptor.proto. Returns false if the bytes are not valid.
bool protobuf_features_change(std::string_view options, uint32_t number, ProtobufFeatures *features) noexcept;

} // namespace heartbeat
