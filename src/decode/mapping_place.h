// Reads the text of a place, such as "/data/0/bpm" or "header/user". mapping_compile.cpp, mapping_fields.cpp
// and mapping_time.cpp call place_parse().
#pragma once

#include "decode/mapping.h"

namespace heartbeat {

// What a mapping uses a place for. Each use has other rules for the text of the place.
enum class PlaceUse : uint8_t { field, time, condition, each, each_inner };

struct PlaceRules {
    // The number of places in the mapping's member `each`: 0, 1 or 2. For a place in `each` itself, `lists`
    // is 0.
    size_t lists;
    PlaceUse use;
};

// Throws MappingFault.
Place place_parse(std::string_view text, const PlaceRules &rules, const std::string &pointer);

} // namespace heartbeat
