// The options of the connection to a schema registry, from the user's properties file. A worker or a session
// reads these options before it asks a registry.
#pragma once

#include "kafka/error.h"
#include "kafka/kafka_settings.h"
#include "registry/formats_module.h"

namespace heartbeat {

class RegistryConfig; // owns the values, which can be secrets

// Reads the properties file. If `settings` has no path of a properties file, all options have their defaults.
// After an error, the function returns nullptr and sets *error. The error text never contains a value from
// the file. The caller frees the result.
RegistryConfig *registry_config_read(const KafkaSettings &settings, Error *error) noexcept;
void registry_config_free(RegistryConfig *config) noexcept;

// The texts belong to the configuration.
RegistryOptions registry_config_options(const RegistryConfig *config) noexcept;

} // namespace heartbeat
