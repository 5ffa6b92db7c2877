// Generator, formats: makes the schemas and the plans of a run.
#include "encoding.h"

#include "avro_plan.h"
#include "layout.h"
#include "protobuf_plan.h"
#include "shape.h"
#include "text_file.h"

namespace heartbeat::generator {

namespace {

Format format_of(const Options &options, const TemplateTree &tree) {
    const std::string name = options.format.value_or(tree.format.empty() ? "json" : tree.format);
    if (name == "json")
        return Format::json;
    if (name == "json-schema")
        return Format::json_schema;
    if (name == "avro")
        return Format::avro;
    if (name == "protobuf")
        return Format::protobuf;
    throw TemplateError(tree.name + ": at /format: \"" + name + "\" is not a format. " + format_legal);
}

void refuse_without(bool is_given, const std::string &option, const std::string &needed) {
    if (is_given)
        throw LayoutError(option + " needs " + needed);
}

// Refuses options that have no effect with this format.
void check_options(const Options &options, Format format) {
    const bool has_key = options.key_schema_file.has_value();
    if (format == Format::json) {
        const std::string needed = "--format json-schema, avro or protobuf";
        refuse_without(options.schema_registry.has_value(), "--schema-registry", needed);
        refuse_without(options.schema_id.has_value(), "--schema-id", needed);
        refuse_without(options.print_schema, "--print-schema", needed);
    }
    if (format != Format::avro) {
        const std::string needed = "--format avro: the schemas of other formats come from the template";
        refuse_without(options.schema_file.has_value(), "--schema", needed);
        refuse_without(has_key, "--key-schema", needed);
        refuse_without(options.key_schema_id.has_value(), "--key-schema-id", needed);
    }
}

PartEncoding avro_part(const TemplateNode &node, std::string schema, const std::string &schema_name,
                       const std::string &name) {
    PartEncoding part;
    part.plan = avro_plan(node, AvroSchema(schema, schema_name), name);
    part.schema = std::move(schema);
    return part;
}

PartEncoding avro_value(const Options &options, const TemplateTree &tree) {
    if (options.schema_file)
        return avro_part(tree.value, text_file_read("--schema", *options.schema_file),
                         "--schema " + *options.schema_file, tree.name);
    if (!tree.schema.empty())
        return avro_part(tree.value, tree.schema, tree.name + ": schema", tree.name);
    return avro_part(tree.value, avro_schema_of(shape_of(tree.value, tree.name)), tree.name, tree.name);
}

// Without a schema the key is text.
PartEncoding avro_key(const Options &options, const TemplateTree &tree) {
    if (!options.key_schema_file && tree.key_schema.empty()) {
        refuse_without(options.key_schema_id.has_value(), "--key-schema-id", "a schema of the key");
        return {};
    }
    if (!tree.key)
        throw LayoutError(tree.name + ": there is a schema of the key, but the template has no key");
    if (options.key_schema_file)
        return avro_part(*tree.key, text_file_read("--key-schema", *options.key_schema_file),
                         "--key-schema " + *options.key_schema_file, tree.name);
    return avro_part(*tree.key, tree.key_schema, tree.name + ": key_schema", tree.name);
}

// Sets the ids that the user gives with --schema-id and --key-schema-id. If the key has a schema, the user
// must give both options or none.
void set_ids(const Options &options, MessageEncoding *encoding) {
    const bool has_key = !encoding->key.schema.empty();
    if (has_key && options.schema_id.has_value() != options.key_schema_id.has_value())
        throw LayoutError(
            "the key and the value each have a schema: give both --schema-id and --key-schema-id");
    if (options.schema_id)
        encoding_set_id(encoding->format, *options.schema_id, &encoding->value);
    if (options.key_schema_id)
        encoding_set_id(encoding->format, *options.key_schema_id, &encoding->key);
}

} // namespace

MessageEncoding encoding_load(const Options &options, const MessageTemplate &layout) {
    const TemplateTree &tree = *layout.tree;
    MessageEncoding encoding;
    encoding.format = format_of(options, tree);
    check_options(options, encoding.format);
    switch (encoding.format) {
    case Format::json:
        return encoding;
    case Format::json_schema:
        encoding.value.schema = json_schema_of(tree.value);
        break;
    case Format::avro:
        encoding.value = avro_value(options, tree);
        encoding.key = avro_key(options, tree);
        break;
    case Format::protobuf: {
        const Shape shape = shape_of(tree.value, tree.name);
        encoding.value.schema = protobuf_schema_of(shape, tree.name);
        encoding.value.plan = protobuf_plan(tree.value, shape);
        break;
    }
    }
    set_ids(options, &encoding);
    return encoding;
}

// The frame is a zero byte, and then the id of the schema. In Protobuf, a second zero byte comes after the
// id: it means that the value has the first message type of the schema.
void encoding_set_id(Format format, uint32_t id, PartEncoding *part) {
    part->prefix.assign(1, '\0');
    append_big_endian_id(id, &part->prefix);
    if (format == Format::protobuf)
        part->prefix.push_back('\0');
}

const char *encoding_schema_type(Format format) {
    switch (format) {
    case Format::protobuf:
        return "PROTOBUF";
    case Format::json_schema:
        return "JSON";
    default:
        return "AVRO";
    }
}

} // namespace heartbeat::generator
