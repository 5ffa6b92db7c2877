// Checks whether a decoder can use a schema that a person has given as a text. The SQL functions that add a
// schema or a source call this file.
#pragma once

#include "store/schemas.h"

#include <cstddef>

namespace heartbeat {

// If the schema is wrong, returns false and writes the mistake to `reason`, in UTF-8. `schema` is a UTF-8
// text that ends with a zero byte.
bool schema_check(RegistrySchemaType type, const char *schema, char *reason, size_t size);

} // namespace heartbeat
