// The presets: names for the layouts of vendors, each with its format and mapping. Functions that add or try
// a source look a preset up, and heartbeat_suggest_mapping() tries them all.
#pragma once

#include <span>
#include <string_view>

namespace heartbeat {

// The texts are terminated, and live as long as the process.
struct Preset {
    const char *name;
    const char *format;
    const char *mapping; // JSON
};

std::span<const Preset> presets() noexcept;
const Preset *preset_find(std::string_view name) noexcept; // nullptr: there is none

} // namespace heartbeat
