// Fuzzing: what a harness demands of an answer. It is checked in every build, and tells libFuzzer by
// aborting.
#pragma once

#include <cstdlib>

inline void require(bool condition) {
    if (!condition)
        std::abort();
}
