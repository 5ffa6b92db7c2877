// Texts for hints and details that concern one source: calls with the argument that names the source, and the
// name of the source's offset_reset. Without the argument, a call would change the source `default`, or all
// sources.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns the last argument of a call, with a comma before it: the name of the source as an SQL literal.
// Returns an empty text if the only source is `default`: the calls need no argument then, as in 1.x.
const char *source_calls_argument(const Source &source);

// Returns a part of a message, such as ` of source "ward"`, or an empty text if the only source is `default`.
const char *source_calls_owner(const Source &source);

// Returns a part of a hint: the calls that pause the source, continue it at another offset, and resume it.
// The calls concern no other source. `to` has the first two arguments of heartbeat_seek().
const char *source_calls_seek(const Source &source, const char *to);

// Returns a part of a hint. This part says how a person can let the worker continue at another offset
// automatically.
const char *source_calls_reset(const Source &source);

// Returns how a text names the offset_reset that applies to the source: the source's own value, or the
// setting if the source has no value of its own.
const char *source_calls_reset_name(const Source &source);

} // namespace heartbeat
