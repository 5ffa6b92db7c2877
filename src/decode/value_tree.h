// The values of one message as a tree, which does not depend on the format of the message. The parser of a
// format fills the tree, and the mapped decoder looks for places in it.
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
    bytes, // Avro and Protobuf have them, JSON does not
    array,
    object
};

// What an integer counts, if the schema of the message says that it is a time. An integer of JSON has no
// scale.
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
    instant_us, // since 1970 in UTC. The message has no number, but a value that can only be a time
};

// The children of an array or an object follow it directly, each with its own children. The texts belong to
// the parser, and are valid until it parses again.
struct ValueNode {
    const char *name_data; // of a member of an object
    uint32_t name_size;
    ValueType type;
    union {
        bool boolean;
        int64_t integer;
        uint64_t unsigned_integer; // of a number that int64_t cannot hold
        double real;
        const char *text_data; // of a string or of bytes
    };
    uint32_t size; // number of bytes of a string or of bytes, number of children, or TimeScale of an integer
    uint32_t end;  // index of the next node that is no descendant

    std::string_view name() const { return {name_data, name_size}; }
    std::string_view text() const { return {text_data, size}; }
    TimeScale scale() const {
        return type == ValueType::integer ? static_cast<TimeScale>(size) : TimeScale::none;
    }
    bool is_container() const { return type >= ValueType::array; }
    bool is_number() const { return type >= ValueType::integer && type <= ValueType::real; }
    double number() const; // of a number: the nearest double
};

using ValueTree = std::vector<ValueNode>; // the root is the first node

inline constexpr uint32_t no_value = UINT32_MAX;

// Returns the index of the member with this name, or of the element with this number. Returns no_value if
// there is no such member or element.
uint32_t value_member(const ValueTree &tree, uint32_t object, std::string_view name) noexcept;
uint32_t value_element(const ValueTree &tree, uint32_t array, uint32_t number) noexcept;

// Whether two values are equal as JSON: 1 equals 1.0, and the order of an object's members has no meaning.
bool value_equal(const ValueTree &left_tree, uint32_t left, const ValueTree &right_tree,
                 uint32_t right) noexcept;

bool value_equal_scalars(const ValueNode &left, const ValueNode &right) noexcept; // neither has children

// Whether an object has a name twice. `names` is memory to work in. May throw std::bad_alloc.
bool value_repeats_name(const ValueTree &tree, uint32_t object, std::vector<std::string_view> *names);

// For error texts: "a string", "an array", ...
const char *value_type_name(ValueType type) noexcept;

} // namespace heartbeat
