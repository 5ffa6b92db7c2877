// Prepares a parsed .proto file for the compilation. Removes the parts that do not change the encoding of a
// message, and limits the size of the other parts. proto_compile.cpp calls this code for each .proto file.
// May throw std::bad_alloc.
#pragma once

#include <google/protobuf/descriptor.pb.h>

namespace heartbeat {

// Removes all services, all extensions, and the options that only other programs read. libprotobuf would call
// itself for each nested value of such an option, without a limit. Returns nullptr, or a constant text about
// the mistake.
const char *proto_clean(google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
