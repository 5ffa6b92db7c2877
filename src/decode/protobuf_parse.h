// Makes a schema from the bytes of a google.protobuf.FileDescriptorSet, which each compiler of Protobuf
// writes. protobuf_reader.cpp calls it.
#pragma once

#include "decode/protobuf_schema.h"

namespace heartbeat {

// If the function returns false, *error is filled in. May throw std::bad_alloc.
bool protobuf_schema_read(std::string_view descriptors, ProtobufSchema *schema, SchemaError *error);

} // namespace heartbeat
