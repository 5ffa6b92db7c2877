// Prepares a parsed .proto file for the compilation. Removes the parts that do not change the encoding of a
// message, and limits the size of the other parts. proto_compile.cpp calls this code for each .proto file.
// May throw std::bad_alloc.
#pragma once

#include <google/protobuf/descriptor.pb.h>

namespace heartbeat {

// Removes services, extensions, and options that only other programs read. Otherwise libprotobuf would
// interpret these options, and the values of the options can be nested without a limit. Returns nullptr, or a
// constant text about the mistake.
const char *proto_clean(google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
