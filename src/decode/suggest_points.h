// Points for the position of a place. The files that propose fields share these functions. The functions may
// throw, so only src/decode includes this header.
#pragma once

#include "decode/sample_layout.h"

#include <algorithm>
#include <vector>

namespace heartbeat {

// Fields that are near each other usually belong together. So the function returns up to 3 points if the two
// paths begin with the same names.
inline int points_shared(const SamplePlace &left, const SamplePlace &right) {
    constexpr int most = 3;
    if (left.names.empty() || right.names.empty())
        return 0;
    const auto left_end = left.names.end() - 1, right_end = right.names.end() - 1;
    const auto apart = std::mismatch(left.names.begin(), left_end, right.names.begin(), right_end).first;
    const bool neighbours = apart == left_end && left.names.size() == right.names.size();
    return std::min(static_cast<int>(apart - left.names.begin()) + (neighbours ? 1 : 0), most);
}

// Returns the points to subtract if the path contains the index of an array's element, as in /rates/0. A
// mapping that reads the array as a list is better, even if the array always has one element.
inline int points_index(const SamplePlace &place) {
    const bool by_index = place.pointer.find("/0/") != place.pointer.npos || place.pointer.ends_with("/0");
    return by_index ? 5 : 0;
}

template <typename Field> void sort_by_points(std::vector<Field> *fields) {
    std::stable_sort(fields->begin(), fields->end(),
                     [](const Field &left, const Field &right) { return left.points > right.points; });
}

} // namespace heartbeat
