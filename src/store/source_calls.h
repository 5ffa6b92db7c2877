// Texts for hints and details that concern one source: the arguments that name the source in a call, and the
// name of the source's offset_reset. Without the argument, a call would change the source `default`, or all
// sources.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns `before` and the name of the source as an SQL literal, for a call that a person can copy. Returns
// an empty text for the source `default`: the calls mean this source without the argument, as in 1.x.
const char *source_calls_argument(const Source &source, const char *before);

// Returns a part of a hint: what a person must do so that the worker continues at another offset
// automatically.
const char *source_calls_reset(const Source &source);

// Returns a name for the value that applies: the source's own offset_reset, or the setting if the source has
// no value of its own.
const char *source_calls_reset_name(const Source &source);

} // namespace heartbeat
