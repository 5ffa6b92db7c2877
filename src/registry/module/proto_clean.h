// Prepares a parsed .proto file for the compilation: removes everything that does not change how a message is
// encoded, and bounds the rest. proto_compile.cpp calls it for each file. May throw std::bad_alloc.
#pragma once

#include <google/protobuf/descriptor.pb.h>

namespace heartbeat {

// Removes services, extensions, and options that only other programs read. So libprotobuf need not interpret
// options, whose values can be nested without a limit. Returns nullptr, or what is wrong: a constant text.
const char *proto_clean(google::protobuf::FileDescriptorProto *file);

} // namespace heartbeat
