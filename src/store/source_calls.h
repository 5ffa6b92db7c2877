// Texts for hints and details about one source. The calls in these texts have an argument that names the
// source. Without this argument, a call would change the source `default`, or all sources.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns the last argument of a call, with a comma before it: the name of the source as an SQL literal.
// Returns an empty text if the only source is `default`: the calls need no argument then, as in 1.x.
const char *source_calls_argument(const Source &source);

// Returns a part of a message, such as ` of source "ward"`, or an empty text if the only source is `default`.
const char *source_calls_owner(const Source &source);

// Returns a part of a hint: the calls that pause the source, change its offset, and resume it. The calls
// concern no other source. `to` has the first two arguments of heartbeat_seek().
const char *source_calls_seek(const Source &source, const char *to);

// Returns a part of a hint, for example `set heartbeat.offset_reset`: what a person must do so that the
// worker can continue at another offset.
const char *source_calls_reset(const Source &source);

// Returns the name of the offset_reset that applies to the source: `the source's offset_reset` if the source
// has its own value, and otherwise `heartbeat.offset_reset`.
const char *source_calls_reset_name(const Source &source);

} // namespace heartbeat
