// Fuzzing: require() checks a condition of a harness, in every kind of build. If the condition is false,
// require() aborts, and libFuzzer reports the input.
#pragma once

#include <cstdlib>

inline void require(bool condition) {
    if (!condition)
        std::abort();
}
