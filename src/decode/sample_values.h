// Counts the values of each kind in sample messages: numbers, texts with numbers, and times.
// sample_layout.cpp calls these functions for each value.
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
    uint32_t numbers = 0, integers = 0; // the counts of all numbers and of 64-bit integers
    uint32_t texts = 0;
    // the number of texts of each kind; `times`, `times_of_day` and `dates` also count integers that the
    // schema declares as times
    uint32_t number_texts = 0, times = 0, times_of_day = 0, dates = 0;
    double least = std::numeric_limits<double>::infinity(); // the smallest number, also in texts
    double most = -std::numeric_limits<double>::infinity();
    size_t longest = 0;                // the size of the longest text in bytes
    std::vector<std::string> examples; // different texts, at most sample_examples_max
    bool many_examples = false;        // the samples have more different texts than `examples`
};

// Returns whether the text is a number or a timestamp. If the names of all members of an object are numbers
// or timestamps, the object counts as a list.
bool sample_is_number_or_time(std::string_view text) noexcept;

// Adds the text to the statistics. Returns the position of the text in `examples`, counted from 1. Returns 0
// if `examples` does not contain the text.
size_t sample_add_text(std::string_view text, SampleValues *values);

void sample_add_scalar(const ValueNode &node, SampleValues *values); // `node` has any type except string

} // namespace heartbeat
