// The messages and enums of a Protobuf schema. protobuf_parse.cpp makes the schema, and protobuf_compile.cpp
// makes a plan from the schema.
#pragma once

#include "decode/protobuf_wire.h"
#include "decode/schema_reader.h"

#include <string>

namespace heartbeat {

enum class ProtobufType : uint8_t { // the numbers are the same as in FieldDescriptorProto.Type
    none,
    float64,
    float32,
    int64,
    uint64,
    int32,
    fixed64,
    fixed32,
    boolean,
    string,
    group, // a message that is encoded as a group
    message,
    bytes,
    uint32,
    enumeration,
    sfixed32,
    sfixed64,
    sint32,
    sint64
};

inline bool protobuf_is_message(ProtobufType type) {
    return type == ProtobufType::message || type == ProtobufType::group;
}

// The views point into the bytes of the descriptors, so these bytes must live as long as the field.
struct ProtobufField {
    std::string_view name;
    std::string json_name;
    std::string_view type_name;
    std::string_view default_text;
    uint32_t number = 0;
    uint32_t oneof = no_value; // the index of the field's oneof among the oneofs of the message
    uint32_t target = 0;       // the index of the field's type in `messages` or `enums`
    ProtobufType type = ProtobufType::none;
    bool is_repeated = false;
    bool has_presence = false; // false: if a message lacks the field, the field has its default value
    bool has_default = false;  // the schema declares a default
};

struct ProtobufMessage {
    std::string name; // the name with the package and the outer types
    bool is_map_entry = false;
    std::vector<ProtobufField> fields;
    std::vector<uint32_t> nested; // the indexes of the types inside this type
};

struct ProtobufEnum {
    struct Value {
        std::string_view name;
        int32_t number;
    };

    std::string name;
    bool is_closed = false; // true: a field whose value is not in the enum counts as an unknown field
    std::vector<Value> values;
};

struct ProtobufSchema {
    std::vector<ProtobufMessage> messages;
    std::vector<ProtobufEnum> enums;
    std::vector<uint32_t> main; // the indexes of the top-level messages of the last file
};

// Fills in the error, and returns false. `format` and the other arguments have the same meaning as for
// printf().
bool protobuf_schema_fail(SchemaError *error, const char *format, ...) noexcept
    __attribute__((format(printf, 2, 3)));

} // namespace heartbeat
