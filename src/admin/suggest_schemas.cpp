// Finds the format that most of the sample messages have. The first byte shows whether a message has the
// frame of Confluent: the frame begins with a zero byte, and a JSON text does not.
#include "server/server.h"

#include "admin/schema_session.h"
#include "admin/suggest_schemas.h"
#include "server/text.h"
#include "store/schema_add.h"

namespace heartbeat {

namespace {

constexpr size_t ids_max = 32;

[[noreturn]] void fail_out_of_memory() {
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
}

SampleSchemas *create(MessageFormat format) {
    SampleSchemas *schemas = sample_schemas_create(format);
    if (schemas == nullptr)
        fail_out_of_memory();
    return schemas;
}

void notice(const char *message, const char *hint) {
    ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION), errmsg("%s", message), errhint("%s", hint)));
}

bool set_bare(const SchemaTexts &texts, void *schemas) {
    return sample_schemas_set_bare(static_cast<SampleSchemas *>(schemas), texts);
}

// An Avro schema is JSON. A .proto file is never JSON.
bool is_avro(const char *schema) {
    const char *begin = schema + strspn(schema, " \t\r\n");
    return begin[0] != '\0' && strchr("{[\"", begin[0]) != nullptr;
}

// Uses the schema that the caller has given.
void take_given_schema(const Source &source, SampleSchemas **schemas) {
    char reason[registry_reason_size] = "";
    char *schema = text_exactly_to_utf8(source.schema);
    const bool is_json = is_avro(schema);
    const RegistrySchemaType type = is_json ? RegistrySchemaType::avro : RegistrySchemaType::protobuf;
    *schemas = create(is_json ? MessageFormat::avro : MessageFormat::protobuf);
    if (schema_use({type, schema, nullptr, 0}, set_bare, *schemas, reason) != SchemaUse::taken)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("the schema cannot be used"),
                        errdetail("%s", text_from_utf8(reason))));
}

// Collects the schemas of the messages. The first schema that is found decides the format.
struct Loading {
    const Source &source;
    int32_t id;
    SampleSchemas **schemas; // *schemas is nullptr: no schema was found yet
    RegistrySchemaType type;
};

bool add_texts(const SchemaTexts &texts, void *argument) {
    const auto *loading = static_cast<const Loading *>(argument);
    return sample_schemas_add(*loading->schemas, loading->id, texts);
}

MessageFormat format_of(RegistrySchemaType type) {
    return type == RegistrySchemaType::avro       ? MessageFormat::avro
           : type == RegistrySchemaType::protobuf ? MessageFormat::protobuf
                                                  : MessageFormat::json_schema;
}

void add(const StoredSchema &schema, void *argument) {
    auto *loading = static_cast<Loading *>(argument);
    char reason[registry_reason_size] = "";
    if (*loading->schemas == nullptr) {
        *loading->schemas = create(format_of(schema.type));
        loading->type = schema.type;
    }
    if (schema.type != loading->type || schema.type == RegistrySchemaType::json)
        return;
    switch (schema_use(schema, add_texts, loading, reason)) {
    case SchemaUse::taken:
        break;
    case SchemaUse::wrong:
        notice(psprintf("schema %d cannot be used: %s", loading->id, text_from_utf8(reason)),
               "heartbeat cannot read messages with this schema.");
        break;
    case SchemaUse::no_module:
        schema_session_refuse(loading->source, loading->id, reason);
    }
}

} // namespace

const char *suggest_schemas_format(const char *schema_registry, const char *schema) {
    const bool has_schema = schema != nullptr && !is_avro(schema);
    return has_schema ? "protobuf" : schema != nullptr || schema_registry != nullptr ? "avro" : nullptr;
}

void suggest_schemas_load(const Source &source, const MessageSamples *samples, SampleSchemas **schemas) {
    if (source.schema != nullptr)
        return take_given_schema(source, schemas);
    int32_t ids[ids_max];
    size_t framed, framed_json;
    const size_t count = sample_schema_ids(samples, ids, ids_max, &framed, &framed_json);
    const bool is_framed = framed * 2 > message_samples_count(samples);
    if (!is_framed || framed_json * 2 > framed) {
        *schemas = create(is_framed ? MessageFormat::json_schema : MessageFormat::json);
        return;
    }
    Loading loading = {source, 0, schemas, RegistrySchemaType::avro};
    for (size_t i = 0; i < count; i++) {
        loading.id = ids[i];
        if (!schema_session_find({source, ids[i], add, &loading}))
            notice(psprintf("schema %d is not known", ids[i]),
                   source.schema_registry == nullptr
                       ? "Give schema_registry, or add the schema with heartbeat_add_schema()."
                       : "The schema registry has no schema with this id.");
    }
    if (*schemas == nullptr)
        *schemas = create(MessageFormat::json);
}

} // namespace heartbeat
