// Finds a source by its name, for a function that a person calls.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns the source with this name, or all sources if `name` is nullptr. The result is in the current memory
// context. Reads the definitions as the extension's owner, so the caller needs no right on the table. Raises
// an error if no source has this name. No other session can drop these sources until the transaction ends.
Source *sources_keep(const char *name, size_t *count);

// Returns the source of this name, or the source `default` if `name` is nullptr.
Source source_named(const char *name);

// Raises the error that there is no source of this name.
[[noreturn]] void source_refuse_unknown(const char *name);

} // namespace heartbeat
