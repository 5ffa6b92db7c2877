// The schemas of a decoder, for the functions that load them: see SchemaCache. This file reads no table, and
// asks no registry.
#pragma once

#include "decode/decode_error.h"
#include "decode/schema_key.h"

namespace heartbeat {

class SchemaCache;

// Adds a schema. If the schema cannot be used, each message with the schema becomes a dead letter that says
// why. Returns false if no memory is left.
bool schema_cache_add(SchemaCache *cache, SchemaKey key, const SchemaTexts &schema) noexcept;

// Makes each message with this schema a dead letter with this code and text. The cache forgets the code
// unknown_schema after some seconds. Returns false if no memory is left.
bool schema_cache_refuse(SchemaCache *cache, SchemaKey key, DecodeErrorCode code, const char *text) noexcept;

// The schema that the decoder wanted last.
SchemaKey schema_cache_wanted(const SchemaCache *cache) noexcept;
MessageFormat schema_cache_format(const SchemaCache *cache) noexcept;

// Whether messages with this schema can be decoded. A JSON schema must only be JSON, because no decoder reads
// it.
enum class SchemaVerdict : uint8_t { usable, wrong, out_of_memory };
SchemaVerdict schema_judge(MessageFormat format, const SchemaTexts &schema, SchemaError *error) noexcept;

} // namespace heartbeat
