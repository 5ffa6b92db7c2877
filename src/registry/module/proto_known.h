// The .proto files that a schema may import although no registry has them: the files that come with Protobuf,
// and Confluent's files. Confluent's serializers do not register these files. proto_compile.cpp calls this
// file.
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>

namespace heartbeat {

// Fills in the file. Returns false if the name is not the name of a known file. May throw std::bad_alloc.
bool proto_known_find(const std::string &name, google::protobuf::FileDescriptorProto *file);

// Returns whether the known file replaces an import with this name. Without this rule a schema could change
// types that libprotobuf uses itself.
bool proto_known_is_fixed(std::string_view name) noexcept;

} // namespace heartbeat
