// Checks the text of a schema that a person gives: whether messages with this schema can be decoded. The
// functions that add a schema and a source call this file.
#pragma once

#include "store/schemas.h"

#include <cstddef>

namespace heartbeat {

// If the schema is wrong, returns false and writes the mistake to `reason`, in UTF-8. `schema` is UTF-8 with
// a terminator.
bool schema_check(RegistrySchemaType type, const char *schema, char *reason, size_t size);

} // namespace heartbeat
