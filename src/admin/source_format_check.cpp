// Finds wrong URLs and schemas of a source, and finds parameters that the source's format does not allow.
#include "server/server.h"

#include "admin/source_format_check.h"
#include "decode/message_format.h"
#include "decode/presets.h"
#include "registry/registry_urls.h"
#include "server/text.h"
#include "store/schema_check.h"

namespace heartbeat {

namespace {

[[noreturn]] void refuse(const char *message, const char *detail, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
                    detail == nullptr ? 0 : errdetail("%s", detail), errhint("%s", hint)));
}

// Returns the beginning of a hint: how to define the source without a value in this field. If a call
// leaves out the field, the source keeps the stored value. Only the value '' removes the stored value.
const char *advice_without(const SourceDefinition &stored, SourceField field) {
    const char *name = source_field_names[field];
    return stored.fields[field] == nullptr
               ? psprintf("Leave %s out", name)
               : psprintf("Give %s => '' to remove the %s of the source", name, name);
}

// Returns the format of the source's messages.
MessageFormat check_format(const SourceDefinition &source, const SourceDefinition &stored,
                           const Preset *preset) {
    const char *own = source.fields[format_field];
    const char *name = own != nullptr ? own : preset != nullptr ? preset->format : "json";
    MessageFormat format;
    if (!message_format_find(name, &format))
        refuse(psprintf("there is no format \"%.100s\"", name), nullptr,
               "Give json, json-schema, avro or protobuf, or leave the format out.");
    if (own != nullptr && preset != nullptr && strcmp(preset->format, own) != 0)
        refuse(
            psprintf("preset \"%s\" has the format %s, not %s", preset->name, preset->format, own), nullptr,
            psprintf("%s, or give a mapping instead of the preset.", advice_without(stored, format_field)));
    return format;
}

void check_registry(const SourceDefinition &source, const SourceDefinition &stored, MessageFormat format) {
    const char *urls = source.fields[schema_registry_field];
    char reason[registry_reason_size];
    if (urls == nullptr)
        return;
    if (format == MessageFormat::json)
        refuse("schema_registry is not for messages of format json", nullptr,
               psprintf("%s, or give the format avro, protobuf or json-schema.",
                        advice_without(stored, schema_registry_field)));
    if (!registry_urls_check(urls, reason, sizeof(reason)))
        refuse("schema_registry is not a list of URLs", reason, registry_urls_legal);
}

// Checks the field `schema` of a source. This schema describes the values of messages, which have no frame of
// Confluent. No schema describes the keys, so the mapping cannot read a part of a key.
void check_schema(const SourceDefinition &source, const SourceDefinition &stored, MessageFormat format,
                  bool reads_key) {
    const char *schema = source.fields[schema_field];
    char reason[registry_reason_size];
    if (schema == nullptr)
        return;
    if (!message_format_needs_schema(format))
        refuse(psprintf("schema is not for messages of format %s",
                        message_format_names[static_cast<int>(format)].data()),
               nullptr,
               psprintf("%s, or give the format avro or protobuf.", advice_without(stored, schema_field)));
    if (source.fields[schema_registry_field] != nullptr)
        refuse("a source cannot have both a schema and a schema registry",
               "schema is for messages without the frame of Confluent, and schema_registry for messages with "
               "this frame.",
               psprintf("%s.", advice_without(stored, stored.fields[schema_field] != nullptr
                                                          ? schema_field
                                                          : schema_registry_field)));
    if (reads_key)
        refuse(
            "the mapping reads a part of the key, but schema is only the schema of values", nullptr,
            "Read the whole key as text with the place \"key\", or give schema_registry instead of schema.");
    const RegistrySchemaType type =
        format == MessageFormat::avro ? RegistrySchemaType::avro : RegistrySchemaType::protobuf;
    if (!schema_check(type, text_exactly_to_utf8(schema), reason, sizeof(reason)))
        refuse("the schema cannot be used", text_from_utf8(reason),
               format == MessageFormat::avro ? "Give the JSON text of an Avro schema."
                                             : "Give the text of a .proto file.");
}

} // namespace

void source_format_check(const SourceDefinition &source, const SourceDefinition &stored, const Preset *preset,
                         bool reads_key) {
    const MessageFormat format = check_format(source, stored, preset);
    check_registry(source, stored, format);
    check_schema(source, stored, format, reads_key);
}

} // namespace heartbeat
