// Checks whether the format, the schema registry and the schema of a source fit together. source_check.cpp
// calls this file.
#pragma once

#include "admin/source_definition.h"

namespace heartbeat {

struct Preset;

// Raises an error if the format, the schema registry and the schema do not fit together. `stored` is the
// previous definition of the source; for a new source, all its fields are nullptr. `preset` may be nullptr.
// `reads_key` is true if the mapping reads a part of the key.
void source_format_check(const SourceDefinition &source, const SourceDefinition &stored, const Preset *preset,
                         bool reads_key);

} // namespace heartbeat
