// Reads the declarations of a message type's fields from a descriptor.
#include "decode/protobuf_descriptor.h"

#include <algorithm>

namespace heartbeat {

namespace {

// Returns the name of a field in JSON: "heart_rate" becomes "heartRate".
std::string json_name(std::string_view name) {
    std::string json;
    bool upper = false;
    for (const char c : name) {
        if (c != '_')
            json += upper && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
        upper = c == '_';
    }
    return json;
}

void take_part(const WireField &part, ProtobufField *field) {
    constexpr uint64_t repeated = 3;
    switch (part.number) {
    case 1:
        field->name = part.bytes;
        break;
    case 3:
        field->number = static_cast<uint32_t>(std::min<uint64_t>(part.value, UINT32_MAX));
        break;
    case 4:
        field->is_repeated = part.value == repeated;
        break;
    case 5:
        if (part.value <= static_cast<uint64_t>(ProtobufType::sint64))
            field->type = static_cast<ProtobufType>(part.value);
        break;
    case 6:
        field->type_name = part.bytes;
        break;
    case 7:
        field->default_text = part.bytes;
        field->has_default = true;
        break;
    case 9:
        field->oneof = static_cast<uint32_t>(std::min<uint64_t>(part.value, no_value));
        break;
    case 10:
        field->json_name = part.bytes;
        break;
    default:
        break;
    }
}

} // namespace

bool descriptor_fail_name(const char *what, SchemaError *error) noexcept {
    return protobuf_schema_fail(error,
                                "the name of %s in the schema is not legal; expected letters, digits and "
                                "underscores, at most %zu bytes including the names of the package and the "
                                "outer types",
                                what, protobuf_name_bytes_max);
}

bool descriptor_change(std::string_view options, uint32_t number, ProtobufFeatures *features,
                       SchemaError *error) noexcept {
    return protobuf_features_change(options, number, features) ||
           protobuf_schema_fail(error, "the options in the descriptors are damaged; %s",
                                expected_descriptors);
}

bool descriptor_field(std::string_view bytes, ProtobufFeatures features,
                      const std::vector<ProtobufFeatures> &oneofs, ProtobufMessage *message,
                      SchemaError *error) {
    ProtobufField &field = message->fields.emplace_back();
    std::string_view options;
    const auto take = [&](const WireField &part) {
        const bool is_text = part.number == 1 || part.number == 6 || part.number == 7 || part.number == 10;
        if (part.type == (is_text ? WireType::bytes : WireType::varint))
            take_part(part, &field);
        else if (descriptor_has_bytes(part, 8))
            options = part.bytes;
        return true;
    };
    if (!descriptor_each(bytes, error, take))
        return false;
    if (field.oneof != no_value && field.oneof >= oneofs.size())
        return protobuf_schema_fail(error, "a field of %.100s is in a oneof that the message lacks",
                                    message->name.c_str());
    if (field.oneof != no_value)
        features = oneofs[field.oneof];
    if (!descriptor_change(options, 21, &features, error))
        return false;
    if (!descriptor_is_name(field.name))
        return descriptor_fail_name("a field", error);
    if (field.json_name.empty())
        field.json_name = json_name(field.name);
    if (field.type == ProtobufType::message && features.are_delimited && !message->is_map_entry)
        field.type = ProtobufType::group;
    const bool is_message = field.type == ProtobufType::message || field.type == ProtobufType::group;
    field.has_presence =
        !field.is_repeated && (features.has_presence || is_message || field.oneof != no_value);
    return true;
}

} // namespace heartbeat
