// A person has given the text of a schema. This file checks whether a decoder can use this schema. The
// functions that add a schema and a source call this file.
#pragma once

#include "store/schemas.h"

#include <cstddef>

namespace heartbeat {

// If the schema is wrong, returns false and writes the mistake to `reason`, in UTF-8. `schema` is a UTF-8
// text that ends with a zero byte.
bool schema_check(RegistrySchemaType type, const char *schema, char *reason, size_t size);

} // namespace heartbeat
