// Logical types of Avro: annotations that say what a number, bytes or a text means. avro_schema.cpp calls it
// for each type of a schema.
#pragma once

#include "decode/avro_types.h"

namespace heartbeat {

// `object` is the index of the type's JSON. If the logical type is unknown, or is not legal with this type,
// the type stays unchanged: the specification of Avro says so.
void avro_apply_logical(const ValueTree &json, uint32_t object, AvroType *type) noexcept;

} // namespace heartbeat
