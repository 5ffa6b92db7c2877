// Access to the schemas of a decoder: see SchemaCache. The functions that load schemas call this file. This
// file does not read tables, and does not send requests to a registry.
#pragma once

#include "decode/decode_error.h"
#include "decode/schema_key.h"

namespace heartbeat {

class SchemaCache;

// Adds a schema. If the schema has a fault, each message with the schema becomes a dead letter. The error
// text of the dead letter contains the fault. Returns false if no memory is left.
bool schema_cache_add(SchemaCache *cache, SchemaKey key, const SchemaTexts &schema) noexcept;

// After this call, each message with this schema becomes a dead letter with this code and text. But with the
// code unknown_schema, the cache forgets the schema some seconds after the first such dead letter, because
// the registry may have the schema by then. Returns false if no memory is left.
bool schema_cache_refuse(SchemaCache *cache, SchemaKey key, DecodeErrorCode code, const char *text) noexcept;

// Returns the key of the last schema that the decoder needed and did not have.
SchemaKey schema_cache_wanted(const SchemaCache *cache) noexcept;
MessageFormat schema_cache_format(const SchemaCache *cache) noexcept;

// Checks whether a decoder can use this schema. For a JSON schema, the function only checks that the text is
// JSON, because no decoder reads JSON schemas.
enum class SchemaVerdict : uint8_t { usable, wrong, out_of_memory };
SchemaVerdict schema_judge(MessageFormat format, const SchemaTexts &schema, SchemaError *error) noexcept;

} // namespace heartbeat
