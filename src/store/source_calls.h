// Texts for hints and details about one source. Such a text can contain calls of SQL functions, and each call
// has an argument that names the source. Without this argument, the call would change the source `default`,
// or all sources.
#pragma once

#include "store/sources.h"

namespace heartbeat {

// Returns the last argument of a call, with a comma before it: for example `, 'ward'` for the source `ward`.
// Returns an empty text if the only source is `default`, because the calls then need no source.
const char *source_calls_argument(const Source &source);

// Returns a part of a message, such as ` of source "ward"`, or an empty text if the only source is `default`.
const char *source_calls_owner(const Source &source);

// Returns a part of a hint: the calls that pause the source, change its offset, and resume it. `to` has the
// first two arguments of heartbeat_seek().
const char *source_calls_seek(const Source &source, const char *to);

// Returns a part of a hint, for example `set heartbeat.offset_reset`: what a person must do so that the
// worker can continue at another offset.
const char *source_calls_reset(const Source &source);

// Returns `the source's offset_reset` if the source has its own offset_reset. Otherwise returns
// `heartbeat.offset_reset`, the name of the setting.
const char *source_calls_reset_name(const Source &source);

} // namespace heartbeat
