// Finds a source by its name, for a function that asks Kafka in the caller's session.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns the sources of this name, or all sources for nullptr, in the current memory context. Reads their
// definitions as the extension's owner: the caller needs no right on them. Raises an error for an unknown
// name. Keeps other sessions from dropping these sources until the transaction ends.
Source *sources_keep(const char *name, size_t *count);

// Returns the source of this name, or `default` for nullptr.
Source source_named(const char *name);

} // namespace heartbeat
