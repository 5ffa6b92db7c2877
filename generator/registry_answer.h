// Generator, schema registry: reads the answer of a schema registry. schema_registry.cpp calls this code.
#pragma once

#include "registry_settings.h"

#include <cstdint>
#include <string>

namespace heartbeat::generator {

// Returns the schema id from an answer with this HTTP status. If the answer has no id, throws RegistryError
// with the registry's reason. The reason contains no control characters, and no secrets of the settings.
uint32_t registry_answer_id(long status, const std::string &answer, const RegistrySettings &settings);

} // namespace heartbeat::generator
