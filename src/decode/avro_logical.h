// Logical types of Avro: annotations that define the meaning of a number, of bytes or of a text.
// avro_schema.cpp calls avro_apply_logical() for each type of a schema.
#pragma once

#include "decode/avro_types.h"

namespace heartbeat {

// Reads the logical type of *type from `json`, and adds the logical type to *type. `object` is the index of
// the JSON object that defines *type. Ignores a logical type that is unknown or not legal with this type, as
// Avro's specification requires.
void avro_apply_logical(const ValueTree &json, uint32_t object, AvroType *type) noexcept;

} // namespace heartbeat
