// Fuzzing: require() checks a condition of a harness. Unlike assert(), require() also checks the condition in
// a build with NDEBUG. If the condition is false, require() aborts, and libFuzzer reports the input.
#pragma once

#include <cstdlib>

inline void require(bool condition) {
    if (!condition)
        std::abort();
}
