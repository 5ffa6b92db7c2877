// Compiles the fields of a mapping. A field is a place, a list of places, or an object with a place and
// options. mapping_compile.cpp calls these functions.
#pragma once

#include "decode/mapping.h"
#include "decode/mapping_reader.h"

namespace heartbeat {

// `lists` is the number of places of `each`. These functions throw MappingFault.
TextField mapping_text_field(const MappingValue &value, size_t lists, bool may_be_empty);
RateField mapping_rate_field(const MappingValue &value, size_t lists);
TimeField mapping_time_field(const MappingValue &value, size_t lists);

} // namespace heartbeat
