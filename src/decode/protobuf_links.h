// Finds the types of fields by their names. protobuf_parse.cpp reads all descriptors, and then calls
// protobuf_link().
#pragma once

#include "decode/protobuf_schema.h"

namespace heartbeat {

// Finds the types of all fields. Checks that maps have keys and values, and that fields have legal numbers.
// May throw std::bad_alloc.
bool protobuf_link(ProtobufSchema *schema, SchemaError *error);

} // namespace heartbeat
