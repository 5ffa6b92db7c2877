// The rules for the files, messages, fields and enums of a Protobuf schema. These rules are the rules of
// proto2, the rules of proto3, or the features of editions. protobuf_parse.cpp calls these functions.
#pragma once

#include <cstdint>
#include <string_view>

namespace heartbeat {

// The default values are the features of edition 2023.
struct ProtobufFeatures {
    bool has_presence = true;   // false: a missing singular number, text or enum has its default value
    bool closed_enums = false;  // a field whose value is not in its enum counts as an unknown field
    bool are_delimited = false; // messages are encoded as groups
    bool has_editions = true;   // options can change the features
};

// `syntax` and `edition` are fields of a FileDescriptorProto.
ProtobufFeatures protobuf_features_of_file(std::string_view syntax, uint64_t edition) noexcept;

// Applies the features in `options` to *features. The field `features` has a different number in each type of
// options. `number` is this number. Returns false if the bytes are not valid.
bool protobuf_features_change(std::string_view options, uint32_t number, ProtobufFeatures *features) noexcept;

} // namespace heartbeat
