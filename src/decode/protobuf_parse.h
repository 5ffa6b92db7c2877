// Makes a schema from the bytes of a google.protobuf.FileDescriptorSet. Each compiler of Protobuf can write
// these bytes. protobuf_reader.cpp calls protobuf_schema_read().
#pragma once

#include "decode/protobuf_schema.h"

namespace heartbeat {

// If the function fails, it fills in *error and returns false. May throw std::bad_alloc.
bool protobuf_schema_read(std::string_view descriptors, ProtobufSchema *schema, SchemaError *error);

} // namespace heartbeat
