// Suggests presets and mappings that read sample messages. heartbeat_suggest_mapping() shows the suggestions.
#pragma once

#include "decode/sample_schemas.h"

#include <cstddef>

namespace heartbeat {

inline constexpr size_t suggestions_max = 5;

// The texts are valid UTF-8 and terminated, and belong to the Suggestions.
struct Suggestion {
    const char *format;
    const char *preset;  // nullptr: none
    const char *mapping; // JSON; nullptr if it is a preset
    size_t fits;         // messages that become at least one reading
};

class Suggestions;

// Looks at all samples. The best suggestion comes first. A suggestion that reads more messages is better. If
// two suggestions read the same number of messages, a preset is better than a mapping, and of two mappings
// the one with more points is better. There may be no suggestion. The function often calls `stopped`, and
// ends if `stopped` returns true. In this case, and if no memory is left, it returns nullptr.
const Suggestions *suggest(const MessageSamples *samples, const SampleSchemas &schemas,
                           bool (*stopped)() noexcept) noexcept;
void suggestions_destroy(const Suggestions *suggestions) noexcept; // nullptr is allowed

size_t suggestions_count(const Suggestions *suggestions) noexcept; // at most suggestions_max
Suggestion suggestions_get(const Suggestions *suggestions, size_t index) noexcept;

} // namespace heartbeat
