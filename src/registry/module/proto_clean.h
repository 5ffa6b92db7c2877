// Prepares a parsed .proto file for the compilation: removes everything that does not change how a message is
// encoded, and limits the size of the rest. proto_compile.cpp calls this code for each .proto file. May throw
// std::bad_alloc.
#pragma once

#include <google/protobuf/descriptor.pb.h>

namespace heartbeat {

// Removes services, extensions, and options that only other programs read. Otherwise libprotobuf would
// interpret these options, and their values can be nested without a limit. Returns nullptr, or a constant
// text about the mistake.
const char *proto_clean(google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
