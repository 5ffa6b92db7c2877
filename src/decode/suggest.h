// Suggests presets and mappings that read sample messages. heartbeat_suggest_mapping() shows them.
#pragma once

#include "decode/message_samples.h"

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

// Looks at all samples. The best suggestion is the first: the one that reads the most messages; of several
// ones a preset, and then the one whose names fit best. There may be none. It asks `stopped` often whether to
// give up. nullptr: it gave up, or no memory is left.
const Suggestions *suggest(const MessageSamples *samples, bool (*stopped)() noexcept) noexcept;
void suggestions_destroy(const Suggestions *suggestions) noexcept; // nullptr is allowed

size_t suggestions_count(const Suggestions *suggestions) noexcept; // at most suggestions_max
Suggestion suggestions_get(const Suggestions *suggestions, size_t index) noexcept;

} // namespace heartbeat
