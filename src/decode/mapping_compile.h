// Makes a plan from the text of a mapping, or returns what is wrong with the text. The functions that add,
// change and try a source call it.
#pragma once

#include <string_view>

namespace heartbeat {

struct Mapping;

// Texts for a person: UTF-8 without control characters, terminated.
struct MappingError {
    bool out_of_memory;
    // the wrong part of the mapping, as a JSON pointer such as /event_timestamp/unit; "": the whole mapping
    char pointer[256];
    char problem[512]; // what is wrong with it, such as: is "minutes"
    char legal[512];   // what is legal there, such as: "iso", "s", "ms", "us" or "ns"
};

// If it returns nullptr, *error is filled in.
const Mapping *mapping_compile(std::string_view json, MappingError *error) noexcept;
void mapping_destroy(const Mapping *mapping) noexcept;

// Whether the mapping reads a part of the key, so that the key must be decoded.
bool mapping_reads_key(const Mapping &mapping) noexcept;

} // namespace heartbeat
