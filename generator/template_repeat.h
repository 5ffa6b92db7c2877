// Generator, templates: checks an object with $repeat. From this object, the generator writes an array, or an
// object with many members. template_tree.cpp calls this code.
#pragma once

#include <cstdint>
#include <jansson.h>
#include <optional>
#include <string>

namespace heartbeat::generator {

inline constexpr char repeat_member[] = "$repeat"; // the number of elements
inline constexpr char each_member[] = "$each";     // the layout of an element
inline constexpr char name_member[] = "$name";     // the members' names, if the result is an object

inline constexpr size_t most_samples = 1'000'000; // of one message

struct RepeatMistake {
    std::string member; // the wrong member; empty: the whole object is wrong
    std::string reason; // the reason also names the legal values
};

// Returns whether the object has $repeat, $each or $name.
bool is_repeat(json_t *object);

std::optional<RepeatMistake> repeat_check(json_t *object);

} // namespace heartbeat::generator
