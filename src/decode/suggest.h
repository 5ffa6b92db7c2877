// Suggests presets and mappings that read sample messages. heartbeat_suggest_mapping() shows the suggestions.
#pragma once

#include "decode/sample_schemas.h"

#include <cstddef>

namespace heartbeat {

inline constexpr size_t suggestions_max = 5;

// The texts are valid UTF-8 with a terminator. The texts live as long as the Suggestions object.
struct Suggestion {
    const char *format;
    const char *preset;  // nullptr: none
    const char *mapping; // JSON; nullptr if the suggestion is a preset
    size_t fits;         // the number of messages that become at least one reading
};

class Suggestions;

// Looks at all samples. The result can be an empty list. The suggestion that reads the most messages comes
// first. If two suggestions read the same number of messages, a preset comes before a mapping, and a mapping
// with more points comes before a mapping with fewer points. The function often calls `stopped`. If `stopped`
// returns true, or if no memory is left, the function returns nullptr.
const Suggestions *suggest(const MessageSamples *samples, const SampleSchemas &schemas,
                           bool (*stopped)() noexcept) noexcept;
void suggestions_destroy(const Suggestions *suggestions) noexcept; // nullptr is allowed

size_t suggestions_count(const Suggestions *suggestions) noexcept; // at most suggestions_max
Suggestion suggestions_get(const Suggestions *suggestions, size_t index) noexcept;

} // namespace heartbeat
