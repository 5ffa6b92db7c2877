// The values of a message that a mapping reads, as a tree of names. A reader of a format with a schema puts
// only these values into the value tree, and skips all other values.
#pragma once

#include "decode/mapping.h"

#include <memory>

namespace heartbeat {

// The parts of one value that a mapping reads. The tree of a reader contains only these parts. But at each
// place of the mapping, this tree must have the same value as a tree of the whole message. So a reader
// follows these rules:
// - In an object, the reader adds each member for which child() does not return nullptr.
// - If `others` exists, the reader adds all elements of an array. If `others` is nullptr, the reader adds the
//   elements up to the last element that the mapping reads. For each element that the mapping does not read,
//   the reader adds null. So the other elements keep their indexes.
// - If `whole` is true, the reader adds the value with all its members and elements.
// - If a wanted value is not an object or an array, the reader adds it, even if `whole` is false.
struct WantedValue {
    std::string name;           // the name of an object's member, or the index of an array's element
    uint32_t number = no_value; // the index; no_value: `name` is not an index
    bool whole = false;
    bool is_time = false; // the mapping reads this value as a time, or as the date of a time
    std::vector<WantedValue> children;
    std::unique_ptr<WantedValue> others; // the rules for all children that are not in `children`

    // These functions return nullptr if the mapping does not read the child.
    const WantedValue *child(std::string_view member) const noexcept;
    const WantedValue *child(uint32_t element) const noexcept;
};

// `root` is PlaceRoot::value or PlaceRoot::key. May throw std::bad_alloc. Throws WantedTooMuch if the tree
// would have more than wanted_values_max values: a few places with `*` in one mapping can need a giant tree.
struct WantedTooMuch {};
inline constexpr size_t wanted_values_max = 65'536;
WantedValue wanted_values(const Mapping &mapping, PlaceRoot root);

} // namespace heartbeat
