// Makes a plan from a Protobuf schema and from the values that a mapping reads. protobuf_reader.cpp calls
// protobuf_plan_make().
#pragma once

#include "decode/protobuf_plan.h"

namespace heartbeat {

// If `all_roots` is true, a message can have any type that the last file of the schema declares. If
// `all_roots` is false, each message has the first type of this file. If the function fails, it fills in
// *error and returns false. May throw std::bad_alloc.
bool protobuf_plan_make(const ProtobufSchema &schema, bool all_roots, const WantedValue &wanted,
                        ProtobufPlan *plan, SchemaError *error);

} // namespace heartbeat
