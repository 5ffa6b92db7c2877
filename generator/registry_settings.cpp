// Generator, schema registry: reads the properties of a schema registry.
#include "registry_settings.h"

#include "layout.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace heartbeat::generator {

namespace {

constexpr std::string_view prefix = "schema.registry.";

constexpr std::array<std::pair<std::string_view, std::string RegistrySettings::*>, 5> known{
    {{"basic.auth.user.info", &RegistrySettings::user_info},
     {"bearer.auth.token", &RegistrySettings::bearer_token},
     {"ssl.ca.location", &RegistrySettings::ca_file},
     {"ssl.certificate.location", &RegistrySettings::certificate_file},
     {"ssl.key.location", &RegistrySettings::key_file}}};

void take(const std::string &property, RegistrySettings *settings) {
    const size_t equals = property.find('=');
    const std::string_view name = std::string_view(property).substr(prefix.size(), equals - prefix.size());
    const auto *found =
        std::find_if(known.begin(), known.end(), [&](const auto &entry) { return entry.first == name; });
    if (found != known.end()) {
        settings->*found->second = property.substr(equals + 1);
        return;
    }
    std::string legal;
    for (const auto &[legal_name, member] : known)
        legal += (legal.empty() ? "" : ", ") + std::string(prefix) + std::string(legal_name);
    throw LayoutError("--config " + property.substr(0, equals) +
                      ": there is no such property of a schema registry. Legal properties are " + legal +
                      ". The address is --schema-registry");
}

} // namespace

RegistrySettings registry_settings_take(std::vector<std::string> *properties) {
    RegistrySettings settings;
    std::erase_if(*properties, [&](const std::string &property) {
        if (!property.starts_with(prefix))
            return false;
        take(property, &settings);
        return true;
    });
    if (!settings.user_info.empty() && !settings.bearer_token.empty())
        throw LayoutError("--config: give schema.registry.basic.auth.user.info or "
                          "schema.registry.bearer.auth.token, not both");
    return settings;
}

} // namespace heartbeat::generator
