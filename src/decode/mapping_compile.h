// Makes a plan from the text of a mapping, or returns the fault of the text. The functions that add, change
// and try a source call mapping_compile().
#pragma once

#include <string_view>

namespace heartbeat {

struct Mapping;

// The texts are for a person. The texts are UTF-8 without control characters, and have a terminator.
struct MappingError {
    bool out_of_memory;
    // the wrong part of the mapping, as a JSON pointer such as /event_timestamp/unit; "": the whole mapping
    char pointer[256];
    char problem[512]; // the fault of this part, in words that follow its name, such as: is "minutes"
    char legal[512];   // the legal values of this part, such as: "iso", "s", "ms", "us" or "ns"
};

// If the mapping has a fault, returns nullptr and fills in *error.
const Mapping *mapping_compile(std::string_view json, MappingError *error) noexcept;
void mapping_destroy(const Mapping *mapping) noexcept;

// Returns true if the mapping reads a value inside the key. Returns false if it reads the key only as a text,
// or not at all. If true, the decoder must parse the key.
bool mapping_reads_key(const Mapping &mapping) noexcept;

} // namespace heartbeat
