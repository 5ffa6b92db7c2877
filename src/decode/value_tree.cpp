// Finds and compares values of a tree. The functions allocate memory only for objects with many members.
#include "decode/value_tree.h"

#include <algorithm>
#include <cmath>

namespace heartbeat {

namespace {

// Up to this number of names, value_repeats_name() compares each pair of names. For few names, these
// comparisons are faster than a sort.
constexpr uint32_t few_names = 12;

// Shorter names come first, so "9" comes before "10". If the names of an object are numbers, such as offsets
// or counters, the names usually have this order already, and value_repeats_name() does not need to sort
// them.
bool is_before(std::string_view left, std::string_view right) {
    return left.size() != right.size() ? left.size() < right.size() : left < right;
}

bool equal_integers(const ValueNode &left, const ValueNode &right) {
    return left.type == right.type && left.integer == right.integer;
}

// An integer equals a real number only if the two numbers are exactly the same.
bool equal_to_real(const ValueNode &integer, double real) {
    constexpr double two_to_63 = 9223372036854775808.0;
    if (std::trunc(real) != real)
        return false;
    if (integer.type == ValueType::integer)
        return real >= -two_to_63 && real < two_to_63 && static_cast<int64_t>(real) == integer.integer;
    return real >= two_to_63 && real < 2 * two_to_63 &&
           static_cast<uint64_t>(real) == integer.unsigned_integer;
}

bool equal_numbers(const ValueNode &left, const ValueNode &right) {
    if (left.type == ValueType::real)
        return right.type == ValueType::real ? left.real == right.real : equal_to_real(right, left.real);
    return right.type == ValueType::real ? equal_to_real(left, right.real) : equal_integers(left, right);
}

bool equal_arrays(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree, uint32_t right) {
    uint32_t a = left + 1, b = right + 1;
    for (; a != left_tree[left].end; a = left_tree[a].end, b = right_tree[b].end)
        if (!value_equal(left_tree, a, right_tree, b))
            return false;
    return true;
}

bool equal_objects(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree, uint32_t right) {
    for (uint32_t a = left + 1; a != left_tree[left].end; a = left_tree[a].end) {
        const uint32_t b = value_member(right_tree, right, left_tree[a].name());
        if (b == no_value || !value_equal(left_tree, a, right_tree, b))
            return false;
    }
    return true;
}

} // namespace

double ValueNode::number() const {
    switch (type) {
    case ValueType::integer:
        return static_cast<double>(integer);
    case ValueType::unsigned_integer:
        return static_cast<double>(unsigned_integer);
    default:
        return real;
    }
}

uint32_t value_member(const ValueTree &tree, uint32_t object, std::string_view name) noexcept {
    const uint32_t end = tree[object].end;
    for (uint32_t member = object + 1; member != end; member = tree[member].end)
        if (tree[member].name_size == name.size() && tree[member].name() == name)
            return member;
    return no_value;
}

uint32_t value_element(const ValueTree &tree, uint32_t array, uint32_t number) noexcept {
    if (number >= tree[array].size)
        return no_value;
    uint32_t element = array + 1;
    while (number-- > 0)
        element = tree[element].end;
    return element;
}

bool value_equal_scalars(const ValueNode &left, const ValueNode &right) noexcept {
    if (left.is_number() && right.is_number())
        return equal_numbers(left, right);
    if (left.type != right.type)
        return false;
    switch (left.type) {
    case ValueType::boolean:
        return left.boolean == right.boolean;
    case ValueType::string:
        return left.text() == right.text();
    default:
        return left.type == ValueType::null;
    }
}

bool value_equal(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree,
                 uint32_t right) noexcept {
    const ValueNode &a = left_tree[left], &b = right_tree[right];
    if (!a.is_container() || !b.is_container())
        return value_equal_scalars(a, b);
    if (a.type != b.type || a.size != b.size)
        return false;
    return a.type == ValueType::array ? equal_arrays(left_tree, left, right_tree, right)
                                      : equal_objects(left_tree, left, right_tree, right);
}

bool value_repeats_name(const ValueTree &tree, uint32_t object, std::vector<std::string_view> *names) {
    const uint32_t end = tree[object].end;
    if (tree[object].size <= few_names) {
        for (uint32_t member = object + 1; member != end; member = tree[member].end)
            for (uint32_t before = object + 1; before != member; before = tree[before].end)
                if (tree[before].name_size == tree[member].name_size &&
                    tree[before].name() == tree[member].name())
                    return true;
        return false;
    }
    names->clear();
    bool ordered = true;
    for (uint32_t member = object + 1; member != end; member = tree[member].end) {
        ordered = ordered && (names->empty() || is_before(names->back(), tree[member].name()));
        names->push_back(tree[member].name());
    }
    if (ordered)
        return false;
    std::sort(names->begin(), names->end());
    return std::adjacent_find(names->begin(), names->end()) != names->end();
}

const char *value_type_name(ValueType type) noexcept {
    switch (type) {
    case ValueType::null:
        return "null";
    case ValueType::boolean:
        return "a boolean";
    case ValueType::integer:
    case ValueType::unsigned_integer:
        return "an integer";
    case ValueType::real:
        return "a number with a fraction or an exponent";
    case ValueType::string:
        return "a string";
    case ValueType::bytes:
        return "bytes";
    case ValueType::array:
        return "an array";
    case ValueType::object:
        break;
    }
    return "an object";
}

} // namespace heartbeat
