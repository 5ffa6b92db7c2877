// What names a schema, and the texts of a schema. The functions that load schemas and the decoders share it.
#pragma once

#include "decode/message_format.h"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace heartbeat {

// The key and the value of a message have a schema each.
struct SchemaKey {
    int32_t id;
    MessagePart part;
};

// The texts of an Avro schema: first the schemas that it refers to, each after those that it needs itself.
// For Protobuf there is one text: the bytes of a google.protobuf.FileDescriptorSet.
struct SchemaTexts {
    const std::string_view *texts;
    size_t count;
};

struct SchemaError {
    bool out_of_memory; // the schema may be correct
    char text[256];     // for a person: what is wrong and where, and what is legal. UTF-8 with a terminator
};

} // namespace heartbeat
