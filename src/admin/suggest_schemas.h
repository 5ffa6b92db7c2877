// Finds the format of sample messages, and loads the schemas that these messages name.
// heartbeat_suggest_mapping() calls this file.
#pragma once

#include "decode/message_samples.h"
#include "decode/sample_schemas.h"
#include "store/sources.h"

namespace heartbeat {

// Returns a format that fits these two arguments of heartbeat_suggest_mapping(), or nullptr if every format
// fits. source_check() needs a format, but heartbeat_suggest_mapping() has no argument for a format.
const char *suggest_schemas_format(const char *schema_registry, const char *schema);

// Sets *schemas to a new object before it adds schemas. So the caller can destroy the object even after an
// error. Raises an error if the schema registry does not answer. Raises a notice for each schema that is not
// known or cannot be used.
void suggest_schemas_load(const Source &source, const MessageSamples *samples, SampleSchemas **schemas);

} // namespace heartbeat
