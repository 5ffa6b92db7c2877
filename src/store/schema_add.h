// Gives a decoder the schemas that the messages name. This file compiles Protobuf schemas with the module
// heartbeat_formats. The ingest workers and the functions for replay, retry and trying a source call this
// file.
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
// result is not `taken`, the function writes the cause to `reason`. `reason` must have room for
// registry_reason_size bytes. Raises an error if no memory is left.
using TakeTexts = bool (*)(const SchemaTexts &texts, void *argument);
SchemaUse schema_use(const StoredSchema &schema, TakeTexts take, void *argument, char *reason);

// Adds the schema to the cache. If the schema is wrong or of another format, messages with this schema become
// dead letters. Returns false if the module is needed and cannot be loaded. The function then writes the
// cause to `reason`. `reason` must have room for registry_reason_size bytes. Raises an error if no memory is
// left.
bool schema_add(SchemaCache *schemas, SchemaKey key, const StoredSchema &schema, char *reason);

// After this call, messages with this schema id become dead letters, because the registry has no schema with
// this id. If `registry` is nullptr, the source has no registry, and the table heartbeat_schemas has no
// schema with this id.
void schema_add_unknown(SchemaCache *schemas, SchemaKey key, const char *registry);

// Compiles a .proto file. If the file is wrong, returns nullptr and writes the mistake to `reason`. `reason`
// must have room for proto_error_size bytes. Raises an error if no memory is left. The caller frees the
// result.
CompiledProto *schema_compile_proto(const FormatsModule *module, const StoredSchema &schema, char *reason);

// Returns the module. If the module cannot be loaded, returns nullptr and writes the cause to `reason`. The
// first call also registers a callback that calls FormatsModule::finish when the process exits.
const FormatsModule *schema_module(char *reason, size_t size);

} // namespace heartbeat
