// The presets. A preset has a name, and the format and the mapping of one known message layout. A function
// that adds or tries a source finds the preset by its name. heartbeat_suggest_mapping() tries all presets.
#pragma once

#include <span>
#include <string_view>

namespace heartbeat {

// The texts have a terminator, and live as long as the process.
struct Preset {
    const char *name;
    const char *format;
    const char *mapping; // JSON
};

std::span<const Preset> presets() noexcept;
const Preset *preset_find(std::string_view name) noexcept; // nullptr: unknown name

} // namespace heartbeat
