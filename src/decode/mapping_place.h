// Reads the text of a place, such as "/data/0/bpm" or "header/user". mapping_compile.cpp and
// mapping_fields.cpp call it.
#pragma once

#include "decode/mapping.h"

namespace heartbeat {

// What a place is for, which decides what is legal in it.
enum class PlaceUse : uint8_t { field, time, condition, each, each_inner };

struct PlaceRules {
    size_t lists; // how many places `each` has
    PlaceUse use;
};

// Throws MappingFault.
Place place_parse(std::string_view text, const PlaceRules &rules, const std::string &pointer);

} // namespace heartbeat
