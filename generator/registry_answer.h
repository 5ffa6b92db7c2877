// Generator, schema registry: reads the answer of a schema registry. schema_registry.cpp calls this code.
#pragma once

#include "registry_settings.h"

#include <cstdint>
#include <string>

namespace heartbeat::generator {

// Returns the schema id from the answer of a registry. `status` is the HTTP status of the answer. If the
// status is not 200, or if the answer has no valid id, throws RegistryError with the reason that the registry
// gives. The text of the error contains no control characters, and none of the secrets in `settings`.
uint32_t registry_answer_id(long status, const std::string &answer, const RegistrySettings &settings);

} // namespace heartbeat::generator
