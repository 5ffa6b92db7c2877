// The format and the schemas of sample messages. heartbeat_suggest_mapping() loads the schemas, and suggest()
// reads the samples with these schemas.
#pragma once

#include "decode/message_format.h"
#include "decode/message_samples.h"
#include "decode/schema_key.h"

namespace heartbeat {

class SampleSchemas; // sample_schema_set.h

// Returns nullptr if no memory is left.
SampleSchemas *sample_schemas_create(MessageFormat format) noexcept;
void sample_schemas_destroy(SampleSchemas *schemas) noexcept; // nullptr is allowed

// Adds the schema with this id. Returns false if no memory is left.
bool sample_schemas_add(SampleSchemas *schemas, int32_t id, const SchemaTexts &schema) noexcept;

// Call this function if all values have this schema and no frame. Returns false if no memory is left.
bool sample_schemas_set_bare(SampleSchemas *schemas, const SchemaTexts &schema) noexcept;

// Finds the ids of schemas in the values and keys of the samples. `ids` gets each id only once, and at most
// `max` ids. Returns the number of ids. *framed is the number of values with the frame of Confluent.
// *framed_json is the number of values with JSON in the frame of Confluent.
size_t sample_schema_ids(const MessageSamples *samples, int32_t *ids, size_t max, size_t *framed,
                         size_t *framed_json) noexcept;

} // namespace heartbeat
