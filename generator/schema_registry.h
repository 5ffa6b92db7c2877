// Generator, schema registry: registers a schema, with libcurl. run.cpp calls this code before the first
// message.
#pragma once

#include "registry_settings.h"

#include <cstdint>
#include <stdexcept>
#include <string>

namespace heartbeat::generator {

// The text of what() contains no secret.
struct RegistryError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

// Tries one address after the other until a registry accepts the schema. Returns the id of the schema. `urls`
// are addresses with commas between them, and `type` is AVRO, PROTOBUF or JSON. The call takes at most ten
// seconds for each address. The call ends soon after Ctrl-C. Throws RegistryError.
uint32_t schema_registry_register(const std::string &urls, const RegistrySettings &settings,
                                  const std::string &subject, const std::string &schema,
                                  const std::string &type);

} // namespace heartbeat::generator
