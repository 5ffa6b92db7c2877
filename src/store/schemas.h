// Reads and writes heartbeat_schemas, the table of Avro and Protobuf schemas. A message contains only the id
// of its schema. The ingest workers call this file. The SQL functions that replay messages, retry dead
// letters or try a source also call this file. This file sends no request to a registry.
#pragma once

#include "registry/formats_module.h"

#include <cstdint>

namespace heartbeat {

// All texts are UTF-8 and end with a zero byte.
struct StoredSchema {
    RegistrySchemaType type;
    std::string_view schema;
    const NamedText *references; // each reference comes after the references that it needs
    size_t reference_count;
};

// The names of the types in heartbeat_schemas, in the order of RegistrySchemaType.
inline constexpr const char *schema_type_names[] = {"AVRO", "PROTOBUF", "JSON"};

// Returns false if there is no schema type with this name.
bool schema_type_find(const char *name, RegistrySchemaType *type);

// Finds a schema in heartbeat_schemas, or returns false. The texts are palloc'd. Call schemas_find() and
// schemas_add() in a transaction that is connected to SPI. `registry` is the value of
// heartbeat_sources.schema_registry. If `registry` is nullptr, schemas_find() looks only at the schemas that
// a person has added for sources without a registry.
bool schemas_find(const char *registry, int32_t id, StoredSchema *schema);

// Adds a schema. Returns false, and does nothing, if the table already has a schema with this id. In a
// database whose encoding is not UTF-8, the characters beyond ASCII become \uXXXX in a JSON text, and
// question marks in a .proto file.
bool schemas_add(const char *registry, int32_t id, const StoredSchema &schema);

// If the database encoding is not UTF-8, schemas_add() can change the text of a schema. This function
// returns, as UTF-8, the text that schemas_add() stores for `utf8`. The result is palloc'd.
char *schemas_stored_text(RegistrySchemaType type, std::string_view utf8);

} // namespace heartbeat
