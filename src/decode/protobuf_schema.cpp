// Writes the error texts for a Protobuf schema that is not legal.
#include "decode/protobuf_schema.h"

#include <cstdarg>
#include <cstdio>

namespace heartbeat {

bool protobuf_schema_fail(SchemaError *error, const char *format, ...) noexcept {
    va_list values;
    va_start(values, format);
    error->out_of_memory = false;
    std::vsnprintf(error->text, sizeof(error->text), format, values);
    va_end(values);
    return false;
}

} // namespace heartbeat
