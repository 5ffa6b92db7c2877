// Finds the format of sample messages, and loads the schemas that they name. heartbeat_suggest_mapping()
// calls it.
#pragma once

#include "decode/message_samples.h"
#include "decode/sample_schemas.h"
#include "store/sources.h"

namespace heartbeat {

// Returns the format that the arguments of a call give: the format of the schema, or a format with a
// registry, or nullptr. The check of the arguments needs it, because the call has no argument for the format.
const char *suggest_schemas_format(const char *schema_registry, const char *schema);

// Sets *schemas as soon as it exists, also if an error follows: the caller destroys it. Raises an error if
// the schema registry does not answer. Raises a notice if the messages name schemas that cannot be loaded,
// because the source has no registry.
void suggest_schemas_load(const Source &source, const MessageSamples *samples, SampleSchemas **schemas);

} // namespace heartbeat
