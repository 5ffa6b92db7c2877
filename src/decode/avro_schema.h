// Makes a graph of types from the JSON of Avro schemas. The reader of Avro messages calls avro_schema_parse()
// once for each schema.
#pragma once

#include "decode/avro_types.h"

#include <string_view>

namespace heartbeat {

// The last element of `schemas` is the schema of the messages. Each earlier element defines types that later
// elements can use. May throw AvroSchemaFault and std::bad_alloc.
AvroSchema avro_schema_parse(const std::vector<std::string_view> &schemas);

} // namespace heartbeat
