// Parses a list of places and makes wanted values from it, and checks that two trees have the same values at
// a place. The oracle, the fuzzer and the unit tests of Protobuf use this file. The list is a text in which
// spaces separate the places, as in "/a/b /list/*/x t:/time". `*` stands for all children. The prefix "t:"
// means that the value at the place is a time. At most two places can have this prefix.
#pragma once

#include "decode/mapping.h"
#include "decode/wanted_values.h"

#include <charconv>
#include <string>
#include <vector>

namespace heartbeat {

inline Place place_of(std::string_view text) {
    Place place;
    while (!text.empty()) {
        text.remove_prefix(1);
        const std::string_view name = text.substr(0, text.find('/'));
        text.remove_prefix(name.size());
        PlaceSegment segment{std::string(name), no_value, name == "*"};
        uint32_t number = 0;
        const auto [end, code] = std::from_chars(name.data(), name.data() + name.size(), number);
        if (code == std::errc() && end == name.data() + name.size() && std::to_string(number) == name)
            segment.number = number;
        place.segments.push_back(std::move(segment));
    }
    return place;
}

inline std::vector<std::pair<Place, bool>> places_of(std::string_view text) {
    std::vector<std::pair<Place, bool>> places;
    for (int times = 0; !text.empty();) {
        const std::string_view word = text.substr(0, text.find(' '));
        text.remove_prefix(std::min(text.size(), word.size() + 1));
        if (word.substr(0, 2) == "t:" && times++ < 2)
            places.emplace_back(place_of(word.substr(2)), true);
        else if (!word.empty() && word[0] == '/')
            places.emplace_back(place_of(word), false);
    }
    return places;
}

// If `whole` is true, all values are wanted.
inline WantedValue wanted_of(std::string_view text, bool whole = false) {
    Mapping mapping;
    const Place *time = nullptr;
    for (Place *unused : {&mapping.heart_rate.place, &mapping.event_timestamp.place})
        unused->root = PlaceRoot::header;
    const auto places = places_of(text);
    for (const auto &[place, is_time] : places)
        if (!is_time)
            mapping.when_message.push_back({place, {}});
        else if (time == nullptr)
            mapping.event_timestamp.place = *(time = &place);
        else
            mapping.event_timestamp.date = place;
    WantedValue wanted = wanted_values(mapping, PlaceRoot::value);
    wanted.whole = wanted.whole || whole || text == "whole";
    return wanted;
}

inline bool equal_values(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree,
                         uint32_t right) {
    const ValueNode &a = left_tree[left], &b = right_tree[right];
    if (a.type != b.type || a.size != b.size || a.end - left != b.end - right)
        return false;
    if (a.type == ValueType::string || a.type == ValueType::bytes)
        return a.text() == b.text();
    if (!a.is_container())
        return a.type == ValueType::null ||
               (a.type == ValueType::boolean ? a.boolean == b.boolean : a.integer == b.integer);
    for (uint32_t x = left + 1, y = right + 1; x != a.end; x = left_tree[x].end, y = right_tree[y].end)
        if (left_tree[x].name() != right_tree[y].name() || !equal_values(left_tree, x, right_tree, y))
            return false;
    return true;
}

inline uint32_t child_of(const ValueTree &tree, uint32_t parent, const PlaceSegment &segment) {
    if (tree[parent].type == ValueType::object)
        return value_member(tree, parent, segment.name);
    if (tree[parent].type == ValueType::array && segment.number != no_value)
        return value_element(tree, parent, segment.number);
    if (tree[parent].type == ValueType::integer) // a time can have members
        return value_member(tree, parent, segment.name);
    return no_value;
}

// Returns whether both trees have equal values at the place. The search begins at the values `left` and
// `right`, with the segment `next` of the place.
inline bool finds_same(const Place &place, size_t next, const ValueTree &left_tree, uint32_t left,
                       const ValueTree &right_tree, uint32_t right) {
    if (left == no_value || right == no_value)
        return left == right;
    if (next == place.segments.size())
        return equal_values(left_tree, left, right_tree, right);
    const PlaceSegment &segment = place.segments[next];
    const ValueNode &a = left_tree[left], &b = right_tree[right];
    if (!segment.any)
        return finds_same(place, next + 1, left_tree, child_of(left_tree, left, segment), right_tree,
                          child_of(right_tree, right, segment));
    if (a.type != b.type || (a.is_container() && a.size != b.size))
        return false;
    uint32_t x = left + 1, y = right + 1;
    for (; x != a.end && y != b.end; x = left_tree[x].end, y = right_tree[y].end)
        if (left_tree[x].name() != right_tree[y].name() ||
            !finds_same(place, next + 1, left_tree, x, right_tree, y))
            return false;
    return x == a.end && y == b.end;
}

} // namespace heartbeat
