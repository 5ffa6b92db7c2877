// The key of a schema in a cache, and the texts of a schema. The decoders and the functions that load schemas
// share these types.
#pragma once

#include "decode/message_format.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

// The key and the value of a message each have their own schema.
struct SchemaKey {
    int32_t id;
    MessagePart part;
};

// The texts of an Avro schema: first the schemas to which the schema refers, and last the schema itself. Each
// schema comes after the schemas that it needs. A Protobuf schema has one text: the bytes of a
// google.protobuf.FileDescriptorSet.
struct SchemaTexts {
    const std::string_view *texts;
    size_t count;
};

struct SchemaError {
    bool out_of_memory; // true: memory ran out, so the schema may be correct
    // a text for a person: the fault, its place, and the legal values. UTF-8 with a terminator
    char text[256];
};

} // namespace heartbeat
