// Loads the module heartbeat_formats. A worker or a session calls this file when it first needs a schema. A
// server without libcurl and libprotobuf can run heartbeat if no source needs the module.
#pragma once

#include "registry/formats_module.h"

#include <cstddef>

namespace heartbeat {

// Returns the module. If the module cannot be loaded, returns nullptr, and writes one line of UTF-8 to
// `error`. The line describes the problem for a person. `folder` is the folder of the module. A loaded module
// stays loaded. After a failure, the next call tries again, so an administrator can install the module while
// the worker runs. Only the main thread may call this function.
const FormatsModule *formats_load(const char *folder, char *error, size_t size) noexcept;

// Writes the folder of heartbeat.so to `folder`. `make install` puts heartbeat.so and the module into the
// same folder. This folder is not always PostgreSQL's folder of libraries, because PostgreSQL can load an
// extension from another folder (dynamic_library_path). Returns false if the folder is unknown.
bool formats_folder(char *folder, size_t size) noexcept;

// Returns the module, or nullptr if the module is not loaded. A process calls this function before the
// process exits, to find FormatsModule::finish.
const FormatsModule *formats_loaded() noexcept;

} // namespace heartbeat
