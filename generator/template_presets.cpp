// Generator, templates: finds a template that the program contains.
#include "template_presets.h"

namespace heartbeat::generator {

std::optional<std::string_view> preset_find(std::string_view name) {
    for (const Preset &preset : preset_list())
        if (preset.name == name)
            return preset.json;
    return std::nullopt;
}

std::string preset_names() {
    std::string names;
    for (const Preset &preset : preset_list()) {
        if (&preset != preset_list().first)
            names += &preset + 1 == preset_list().last ? " and " : ", ";
        names += preset.name;
    }
    return names;
}

} // namespace heartbeat::generator
