// avro_dump, avro_fuzz and the unit tests use this file. The functions compare two
// trees of the same message. One tree has only the values that the mapping wants, and the other tree has all
// values. src/decode/wanted_values.h has the rules for these trees.
#pragma once

#include "decode/wanted_values.h"

#include <algorithm>

namespace heartbeat {

inline bool same_node(const ValueNode &left, const ValueNode &right) {
    if (left.type != right.type || left.size != right.size)
        return false;
    switch (left.type) {
    case ValueType::boolean:
        return left.boolean == right.boolean;
    case ValueType::integer:
    case ValueType::unsigned_integer:
        return left.unsigned_integer == right.unsigned_integer;
    case ValueType::real:
        return left.real == right.real;
    case ValueType::string:
    case ValueType::bytes:
        return left.text() == right.text();
    default:
        return true;
    }
}

// Returns whether the value at `left_index` and the value at `right_index` are equal, with all their
// descendants in the same order.
inline bool same_values(const ValueTree &left, uint32_t left_index, const ValueTree &right,
                        uint32_t right_index) {
    const uint32_t count = left[left_index].end - left_index;
    if (right[right_index].end - right_index != count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const ValueNode &a = left[left_index + i], &b = right[right_index + i];
        if (!same_node(a, b) || a.end - left_index != b.end - right_index || (i > 0 && a.name() != b.name()))
            return false;
    }
    return true;
}

inline bool same_places(const ValueTree &all, uint32_t all_index, const ValueTree &some, uint32_t some_index,
                        const WantedValue &wanted);

inline bool same_members(const ValueTree &all, uint32_t all_index, const ValueTree &some, uint32_t some_index,
                         const WantedValue &wanted) {
    uint32_t wanted_count = 0;
    for (uint32_t i = all_index + 1; i != all[all_index].end; i = all[i].end) {
        const WantedValue *const child = wanted.child(all[i].name());
        const uint32_t found = value_member(some, some_index, all[i].name());
        if ((child == nullptr) != (found == no_value))
            return false;
        if (child == nullptr)
            continue;
        wanted_count++;
        if (!same_places(all, i, some, found, *child))
            return false;
    }
    return some[some_index].size == wanted_count;
}

inline bool same_elements(const ValueTree &all, uint32_t all_index, const ValueTree &some,
                          uint32_t some_index, const WantedValue &wanted) {
    uint64_t count = wanted.others != nullptr ? all[all_index].size : 0;
    for (const WantedValue &child : wanted.children)
        if (child.number != no_value)
            count = std::max(count, uint64_t{child.number} + 1);
    count = std::min(count, uint64_t{all[all_index].size});
    if (some[some_index].size != count)
        return false;
    uint32_t a = all_index + 1, b = some_index + 1;
    for (uint32_t number = 0; number < count; number++, a = all[a].end, b = some[b].end) {
        const WantedValue *const child = wanted.child(number);
        if (child == nullptr ? some[b].type != ValueType::null : !same_places(all, a, some, b, *child))
            return false;
    }
    return true;
}

// Returns whether all wanted places have the same values in both trees, and `some` has no other values.
inline bool same_places(const ValueTree &all, uint32_t all_index, const ValueTree &some, uint32_t some_index,
                        const WantedValue &wanted) {
    if (wanted.whole || !all[all_index].is_container())
        return same_values(all, all_index, some, some_index);
    if (all[all_index].type != some[some_index].type)
        return false;
    return all[all_index].type == ValueType::object ? same_members(all, all_index, some, some_index, wanted)
                                                    : same_elements(all, all_index, some, some_index, wanted);
}

// Returns whether the shape of a tree is right: a container has as many children as its `size` says, any
// other node has no children, and the last child of a node ends at the node's `end`.
inline bool tree_is_whole(const ValueTree &tree) {
    if (tree.empty() || tree[0].end != tree.size())
        return false;
    for (uint32_t index = 0; index < tree.size(); index++) {
        uint32_t count = 0, child = index + 1;
        for (; child < tree[index].end; child = tree[child].end, count++)
            if (tree[child].end <= child)
                return false;
        if (child != tree[index].end || (tree[index].is_container() ? tree[index].size != count : count > 0))
            return false;
    }
    return true;
}

} // namespace heartbeat
