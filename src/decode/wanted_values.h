// The values of a message that a mapping reads, as a tree of names. A reader of a format with a schema puts
// only these values into the value tree, and skips all others.
#pragma once

#include "decode/mapping.h"

#include <memory>

namespace heartbeat {

// What a mapping reads of one value. A place finds the same in a tree that has only the wanted values as in a
// tree of all values. So a reader keeps these rules:
// - Of an object it adds the members that child() finds.
// - Of an array it adds all elements if `others` exists. Otherwise it adds the elements up to the last wanted
//   one. An element that is not wanted is null, so that the wanted elements keep their numbers.
// - If `whole` is true, it adds the value with all that is in it.
// - A value that is neither an object nor an array is added, whether `whole` is true or false.
struct WantedValue {
    std::string name;           // of a member of an object
    uint32_t number = no_value; // if the name can be the number of an element: this number
    bool whole = false;
    bool is_time = false; // a field of a time is at this place
    std::vector<WantedValue> children;
    std::unique_ptr<WantedValue> others; // all children without a name in `children`

    // Return nullptr if the mapping does not read the child.
    const WantedValue *child(std::string_view member) const noexcept;
    const WantedValue *child(uint32_t element) const noexcept;
};

// `root` is PlaceRoot::value or PlaceRoot::key. May throw std::bad_alloc.
WantedValue wanted_values(const Mapping &mapping, PlaceRoot root);

} // namespace heartbeat
