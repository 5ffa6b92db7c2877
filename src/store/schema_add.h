// Gives a decoder the schemas to which messages refer by an id. This file compiles Protobuf schemas with the
// module heartbeat_formats. The ingest workers call this file. The SQL functions that replay messages, retry
// dead letters or try a source also call this file.
#pragma once

#include "decode/schema_access.h"
#include "store/schemas.h"

namespace heartbeat {

enum class SchemaUse : uint8_t {
    taken,
    wrong,     // the Protobuf schema cannot be compiled
    no_module, // the module is needed and cannot be loaded
};

// Calls take() with the texts that a SchemaCache needs. take() must return false if no memory is left. If the
// result is not `taken`, schema_use() has written the cause to `reason`. `reason` must have room for
// registry_reason_size bytes. schema_use() raises an error if no memory is left.
using TakeTexts = bool (*)(const SchemaTexts &texts, void *argument);
SchemaUse schema_use(const StoredSchema &schema, TakeTexts take, void *argument, char *reason);

// Adds the schema to the cache. If the schema is wrong, or is not for the message format of the cache,
// messages with this schema become dead letters. If the schema needs the module and the module cannot be
// loaded, returns false and writes the cause to `reason`. `reason` must have room for registry_reason_size
// bytes. Raises an error if no memory is left.
bool schema_add(SchemaCache *schemas, SchemaKey key, const StoredSchema &schema, char *reason);

// Call this function if the schema registry at `registry` has no schema with this id. For a source without a
// registry, `registry` is nullptr, and heartbeat_schemas must have no schema with this id. After this call,
// messages with this schema id become dead letters.
void schema_add_unknown(SchemaCache *schemas, SchemaKey key, const char *registry);

// Compiles a .proto file. If the file is wrong, returns nullptr and writes the mistake to `reason`. `reason`
// must have room for proto_error_size bytes. Raises an error if no memory is left. The caller frees the
// result.
CompiledProto *schema_compile_proto(const FormatsModule *module, const StoredSchema &schema, char *reason);

// Returns the module heartbeat_formats. If the module cannot be loaded, returns nullptr and writes the cause
// to `reason`. The first call also registers a callback that calls FormatsModule::finish when the process
// exits.
const FormatsModule *schema_module(char *reason, size_t size);

} // namespace heartbeat
