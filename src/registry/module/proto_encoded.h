// Reads a Protobuf file that is not text, but a google.protobuf.FileDescriptorProto in base64. The client
// libraries of Confluent register schemas in this form. Confluent's registry converts this form to text, but
// other registries return this form unchanged.
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string_view>

namespace heartbeat {

// Returns whether the schema is base64. The text of a .proto file is never base64, because each such text
// contains a semicolon or a space.
bool proto_is_encoded(std::string_view schema) noexcept;

// Returns false if the bytes are not a FileDescriptorProto. May throw std::bad_alloc.
bool proto_decode(std::string_view schema, google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
