// Generator, templates: the templates that the program contains. Their files are in generator/presets. During
// the build of the generator, the script embed_presets writes the templates into a source file, which defines
// preset_list().
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace heartbeat::generator {

inline constexpr char own_preset[] = "heartbeat"; // heartbeat's own layout

struct Preset {
    std::string_view name;
    std::string_view json;
};

struct PresetList {
    const Preset *first;
    const Preset *last; // the address after the last preset
    const Preset *begin() const { return first; }
    const Preset *end() const { return last; }
};

// The presets are in the order of their names.
PresetList preset_list();

// Returns the JSON text of the template, or nothing if no preset has this name.
std::optional<std::string_view> preset_find(std::string_view name);

// Returns the names of all presets as one text, in the form "fhir-observation, ... and radar-polar".
std::string preset_names();

} // namespace heartbeat::generator
