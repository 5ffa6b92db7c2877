// A request to the registry gets a schema by its id, and then the schemas to which this schema refers.
// module.cpp puts these functions into the table of the module. formats_module.h describes the functions.
#pragma once

#include "registry/formats_module.h"

namespace heartbeat {

RegistryRequest *registry_begin(const char *urls, const RegistryOptions *options, uint32_t id) noexcept;
RegistryState registry_poll(RegistryRequest *request, int timeout_ms) noexcept;
RegistryAnswer registry_answer(const RegistryRequest *request) noexcept;
void registry_forget(RegistryRequest *request) noexcept;
void registry_forget_all() noexcept;

} // namespace heartbeat
