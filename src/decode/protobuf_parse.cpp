// Reads the descriptors of a Protobuf schema. The field numbers in this code come from descriptor.proto.
#include "decode/protobuf_parse.h"

#include "decode/protobuf_descriptor.h"
#include "decode/protobuf_links.h"

namespace heartbeat {

namespace {

class SchemaParser {
  public:
    SchemaParser(ProtobufSchema *schema, SchemaError *error) : schema_(*schema), error_(error) {}

    bool file(std::string_view bytes) {
        std::string_view package, syntax;
        uint64_t edition = 0;
        ProtobufFeatures features;
        schema_.main.clear();
        const auto take_start = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 2))
                package = field.bytes;
            else if (descriptor_has_bytes(field, 12))
                syntax = field.bytes;
            else if (descriptor_has_number(field, 14))
                edition = field.value;
            return true;
        };
        const auto take_options = [&](const WireField &field) {
            return !descriptor_has_bytes(field, 8) || descriptor_change(field.bytes, 50, &features, error_);
        };
        const auto take_types = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 4))
                return message(field.bytes, std::string(package), features, 1, &schema_.main);
            return !descriptor_has_bytes(field, 5) ||
                   enumeration(field.bytes, std::string(package), features);
        };
        if (!descriptor_each(bytes, error_, take_start))
            return false;
        if (!package.empty() && !descriptor_is_name(package))
            return descriptor_fail_name("a package", error_);
        features = protobuf_features_of_file(syntax, edition);
        return descriptor_each(bytes, error_, take_options) && descriptor_each(bytes, error_, take_types);
    }

  private:
    bool declare() {
        return ++declarations_ <= protobuf_declarations_max ||
               protobuf_schema_fail(error_,
                                    "the schema has too many messages, fields, enums and names of enums; "
                                    "expected at most %zu together",
                                    protobuf_declarations_max);
    }

    bool join(const std::string &scope, std::string_view name, const char *what, std::string *joined) {
        *joined = scope;
        if (!scope.empty())
            *joined += '.';
        if (!descriptor_is_name(name) || joined->size() + name.size() > protobuf_name_bytes_max)
            return descriptor_fail_name(what, error_);
        *joined += name;
        return declare();
    }

    // `depth` limits the recursion.
    bool message(std::string_view bytes, const std::string &scope, ProtobufFeatures features, uint32_t depth,
                 std::vector<uint32_t> *siblings) {
        if (depth > protobuf_type_depth_max)
            return protobuf_schema_fail(error_, "types are nested too deeply; expected at most %u levels",
                                        protobuf_type_depth_max);
        ProtobufMessage parsed;
        std::string_view name;
        const auto take_start = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 1))
                name = field.bytes;
            return !descriptor_has_bytes(field, 7) || message_options(field.bytes, &parsed, &features);
        };
        std::vector<ProtobufFeatures> oneofs;
        const auto take_oneofs = [&](const WireField &field) {
            return !descriptor_has_bytes(field, 8) || oneof(field.bytes, features, &oneofs);
        };
        const auto take_parts = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 2))
                return declare() && descriptor_field(field.bytes, features, oneofs, &parsed, error_);
            if (descriptor_has_bytes(field, 3))
                return message(field.bytes, parsed.name, features, depth + 1, &parsed.nested);
            return !descriptor_has_bytes(field, 4) || enumeration(field.bytes, parsed.name, features);
        };
        if (!descriptor_each(bytes, error_, take_start) || !join(scope, name, "a message", &parsed.name) ||
            !descriptor_each(bytes, error_, take_oneofs) || !descriptor_each(bytes, error_, take_parts))
            return false;
        siblings->push_back(static_cast<uint32_t>(schema_.messages.size()));
        schema_.messages.push_back(std::move(parsed));
        return true;
    }

    bool message_options(std::string_view bytes, ProtobufMessage *message, ProtobufFeatures *features) {
        const auto take = [&](const WireField &field) {
            if (descriptor_has_number(field, 7))
                message->is_map_entry = field.value != 0;
            return true;
        };
        return descriptor_each(bytes, error_, take) && descriptor_change(bytes, 12, features, error_);
    }

    bool oneof(std::string_view bytes, ProtobufFeatures features, std::vector<ProtobufFeatures> *oneofs) {
        const auto take = [&](const WireField &field) {
            return !descriptor_has_bytes(field, 2) || descriptor_change(field.bytes, 1, &features, error_);
        };
        if (!descriptor_each(bytes, error_, take))
            return false;
        oneofs->push_back(features);
        return declare();
    }

    bool enumeration(std::string_view bytes, const std::string &scope, ProtobufFeatures features) {
        ProtobufEnum parsed;
        std::string_view name;
        const auto take = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 1))
                name = field.bytes;
            if (descriptor_has_bytes(field, 3))
                return descriptor_change(field.bytes, 7, &features, error_);
            return !descriptor_has_bytes(field, 2) || (declare() && enum_value(field.bytes, &parsed));
        };
        if (!descriptor_each(bytes, error_, take) || !join(scope, name, "an enum", &parsed.name))
            return false;
        if (parsed.values.empty())
            return protobuf_schema_fail(error_, "the enum %.100s has no values; expected at least one",
                                        parsed.name.c_str());
        parsed.is_closed = features.closed_enums;
        schema_.enums.push_back(std::move(parsed));
        return true;
    }

    bool enum_value(std::string_view bytes, ProtobufEnum *parsed) {
        ProtobufEnum::Value value{{}, 0};
        const auto take = [&](const WireField &field) {
            if (descriptor_has_bytes(field, 1))
                value.name = field.bytes;
            else if (descriptor_has_number(field, 2))
                value.number = static_cast<int32_t>(field.value);
            return true;
        };
        if (!descriptor_each(bytes, error_, take))
            return false;
        if (!descriptor_is_name(value.name))
            return descriptor_fail_name("a value of an enum", error_);
        parsed->values.push_back(value);
        return true;
    }

    ProtobufSchema &schema_;
    SchemaError *const error_;
    size_t declarations_ = 0;
};

} // namespace

bool protobuf_schema_read(std::string_view descriptors, ProtobufSchema *schema, SchemaError *error) {
    if (descriptors.size() > protobuf_descriptor_bytes_max)
        return protobuf_schema_fail(error, "the descriptors have %zu bytes; expected at most %zu",
                                    descriptors.size(), protobuf_descriptor_bytes_max);
    SchemaParser parser(schema, error);
    const auto take_file = [&](const WireField &field) {
        return !descriptor_has_bytes(field, 1) || parser.file(field.bytes);
    };
    if (!descriptor_each(descriptors, error, take_file))
        return false;
    if (schema->main.empty())
        return protobuf_schema_fail(error,
                                    "the last file of the schema has no message; expected at least one");
    return protobuf_link(schema, error);
}

} // namespace heartbeat
