// The .proto files that a schema may import although no registry has them: those that come with Protobuf, and
// those of Confluent. Confluent's serializers do not register them. proto_compile.cpp calls it.
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>

namespace heartbeat {

// Fills in the file. Returns false if it is not known. May throw std::bad_alloc.
bool proto_known_find(const std::string &name, google::protobuf::FileDescriptorProto *file);

// Whether the known file takes the place of a given file with this name. A schema could otherwise change
// types that libprotobuf uses itself.
bool proto_known_is_fixed(std::string_view name) noexcept;

} // namespace heartbeat
