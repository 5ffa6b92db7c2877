// The values of one message as a tree. The tree does not depend on the format of the message. The parser of a
// format fills the tree, and the mapped decoder looks for places in the tree.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace heartbeat {

enum class ValueType : uint8_t {
    null,
    boolean,
    integer,
    unsigned_integer,
    real,
    string,
    bytes, // only in Avro and Protobuf, not in JSON
    array,
    object
};

// The unit of an integer that is a time, and the moment at which the integer is 0. The schema of a message
// declares the unit and this moment. heartbeat needs no schema for JSON, so an integer in JSON has no scale.
enum class TimeScale : uint32_t {
    none,
    ms, // since 1970 in UTC
    us,
    ns,
    local_ms, // since 1970 on a clock whose zone is not known
    local_us,
    local_ns,
    days,   // since 1970-01-01
    day_ms, // since midnight
    day_us,
    day_ns,
    // like `us`, but the message has a type for times instead of an integer: google.protobuf.Timestamp
    instant_us,
};

// A node of a value tree. The children of an array or an object come directly after its node. If a child has
// children itself, they come directly after this child. An integer that was a google.protobuf.Timestamp can
// also have children: the members of the Timestamp, if the mapping reads them. The texts belong to the
// parser, and are valid until the next parse.
struct ValueNode {
    const char *name_data; // the name of an object's member
    uint32_t name_size;
    ValueType type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer; // a number that int64_t cannot hold
        double real;
        const char *text_data; // the content of a value of type `string` or `bytes`
    };
    // the size in bytes of a `string` or of `bytes`, the number of children of an `array` or `object`, or the
    // TimeScale of an `integer`
    uint32_t size;
    uint32_t end; // the index of the first node after this node and its children

    std::string_view name() const { return {name_data, name_size}; }
    std::string_view text() const { return {text_data, size}; }
    TimeScale scale() const {
        return type == ValueType::integer ? static_cast<TimeScale>(size) : TimeScale::none;
    }
    bool is_container() const { return type >= ValueType::array; }
    bool is_number() const { return type >= ValueType::integer && type <= ValueType::real; }
    double number() const; // returns the double that is nearest to the number
};

using ValueTree = std::vector<ValueNode>; // the root is the first node

inline constexpr uint32_t no_value = UINT32_MAX;

// Returns the index in `tree` of the member with this name, or of the array's element at position `number`
// (from 0). Returns no_value if the object or array does not have this member or element.
uint32_t value_member(const ValueTree &tree, uint32_t object, std::string_view name) noexcept;
uint32_t value_element(const ValueTree &tree, uint32_t array, uint32_t number) noexcept;

// Returns whether two values are equal by the rules of JSON: 1 equals 1.0, and the order of an object's
// members has no meaning.
bool value_equal(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree,
                 uint32_t right) noexcept;

// for two arrays or two objects, call value_equal() instead
bool value_equal_scalars(const ValueNode &left, const ValueNode &right) noexcept;

// Returns whether two members of an object have the same name. `names` is working memory. May throw
// std::bad_alloc.
bool value_repeats_name(const ValueTree &tree, uint32_t object, std::vector<std::string_view> *names);

// Returns the name of a type for error texts: "a string", "an array", ...
const char *value_type_name(ValueType type) noexcept;

} // namespace heartbeat
