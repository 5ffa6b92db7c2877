// The key of a schema in a cache, and the texts of a schema. The functions that load schemas and the decoders
// share it.
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

// The texts of an Avro schema: first the schemas that it refers to, and last the schema itself. Each schema
// is after the schemas that it needs. A Protobuf schema has one text: the bytes of a
// google.protobuf.FileDescriptorSet.
struct SchemaTexts {
    const std::string_view *texts;
    size_t count;
};

struct SchemaError {
    bool out_of_memory; // the schema may be correct
    char text[256];     // for a person: what is wrong and where, and what is legal. UTF-8 with a terminator
};

} // namespace heartbeat
