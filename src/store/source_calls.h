// Texts for hints and details that concern one source: the arguments that name the source in a call, and the
// name of the source's offset_reset. Without the argument, a call would change the source `default`, or all
// sources.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns `before` and the name of the source as an SQL literal, for a call that a person can copy. Returns
// an empty text for the source `default`: a call without the argument means this source, as in version 1.x.
const char *source_calls_argument(const Source &source, const char *before);

// Returns a part of a hint. This part says how a person can let the worker continue at another offset
// automatically.
const char *source_calls_reset(const Source &source);

// Returns how a text names the offset_reset that applies to the source: the source's own value, or the
// setting if the source has no value of its own.
const char *source_calls_reset_name(const Source &source);

} // namespace heartbeat
