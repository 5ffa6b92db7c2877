// Compiles the fields of a mapping. In a mapping, the value of a field is a place, a list of places, or an
// object with places and options. mapping_compile.cpp calls these functions.
#pragma once

#include "decode/mapping.h"
#include "decode/mapping_reader.h"

namespace heartbeat {

// `lists` is the number of places in the mapping's member `each`. These functions throw MappingFault.
TextField mapping_text_field(const MappingValue &value, size_t lists, bool may_be_empty);
RateField mapping_rate_field(const MappingValue &value, size_t lists);
TimeField mapping_time_field(const MappingValue &value, size_t lists);

} // namespace heartbeat
