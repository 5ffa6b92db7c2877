// The known .proto files: the files that come with Protobuf, and Confluent's files. A schema may import these
// files. No registry has these files, because Confluent's serializers do not register these files.
// proto_compile.cpp calls this file.
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>

namespace heartbeat {

// Fills in the file. Returns false if the name is not the name of a known file. May throw std::bad_alloc.
bool proto_known_find(const std::string &name, google::protobuf::FileDescriptorProto *file);

// Returns whether the known file replaces an import with this name. Without this replacement, a schema could
// change types that libprotobuf uses itself.
bool proto_known_is_fixed(std::string_view name) noexcept;

} // namespace heartbeat
