// Counts what the values of sample messages are: numbers, numbers as text, times. sample_layout.cpp calls it
// for each value.
#pragma once

#include "decode/value_tree.h"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat {

inline constexpr size_t sample_examples_max = 16;

// Statistics of the values that the samples have at a place. A `null` does not count as a value.
struct SampleValues {
    uint32_t values = 0;
    uint32_t numbers = 0, integers = 0; // JSON numbers, and the integers of 64 bits among them
    uint32_t texts = 0;
    uint32_t number_texts = 0, times = 0, times_of_day = 0, dates = 0; // how many texts are of these kinds
    double least = std::numeric_limits<double>::infinity(); // the least number, also of numbers as text
    double most = -std::numeric_limits<double>::infinity();
    size_t longest = 0;                // bytes of the longest text
    std::vector<std::string> examples; // different texts, at most sample_examples_max
    bool many_examples = false;        // there are more different texts than `examples` has
};

// Whether a text can be the name of a member of a list: it is a number, or a timestamp.
bool sample_is_number_or_time(std::string_view text) noexcept;

// Returns the number of the text among the examples, counted from 1. Returns 0 if the text is not an example.
size_t sample_add_text(std::string_view text, SampleValues *values);

void sample_add_scalar(const ValueNode &node, SampleValues *values); // of any type but string

} // namespace heartbeat
