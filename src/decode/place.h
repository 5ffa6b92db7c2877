// A place of a mapping: the path to a value of a message. mapping_place.cpp makes a place from a text, and
// mapped_message.cpp finds the value at the place.
#pragma once

#include "decode/value_tree.h"

#include <string>
#include <vector>

namespace heartbeat {

enum class PlaceRoot : uint8_t { value, key, key_text, header, each, outer, name, kafka_timestamp };

// The value of a place can change with each message (`message`), with each element of the outer list
// (`outer`), or with each element that can be a reading (`element`).
enum class PlaceLevel : uint8_t { message, outer, element };

struct PlaceSegment {
    std::string name;
    uint32_t number = no_value; // the name as a number, if the name can be the index of an array's element
    bool any = false;           // true: the segment is `*`
};

inline constexpr size_t no_slot = SIZE_MAX;

struct Place {
    PlaceRoot root = PlaceRoot::value;
    PlaceLevel level = PlaceLevel::message;
    std::vector<PlaceSegment> segments; // the segments after the root
    std::string header;                 // the name of the header
    std::string path;                   // the segments in the form for error texts, such as "/data/0/bpm"
    // MappedMessage keeps the value of this place in the slot with this number, so that it looks up the value
    // only once for several elements of a list. no_slot: it does not keep the value.
    size_t slot = no_slot;
};

} // namespace heartbeat
