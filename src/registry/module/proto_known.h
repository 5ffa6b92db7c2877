// The known .proto files: the files that come with Protobuf, Confluent's files, and some files of
// google/type. A schema may import these files, but Confluent's serializers do not register them. So a
// registry usually does not have these files. proto_compile.cpp calls this file.
#pragma once

#include <google/protobuf/descriptor.pb.h>
#include <string>
#include <string_view>

namespace heartbeat {

// Fills in the file. Returns false if the name is not the name of a known file. May throw std::bad_alloc.
bool proto_known_find(const std::string &name, google::protobuf::FileDescriptorProto *file);

// Returns true for the names of the files that come with Protobuf. If an import has such a name, the compiler
// uses the known file, and not the text of the import. This text could change types that libprotobuf uses
// itself.
bool proto_known_is_fixed(std::string_view name) noexcept;

} // namespace heartbeat
