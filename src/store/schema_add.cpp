// Compiles a schema, and adds the compiled schema to the SchemaCache of a decoder.
#include "server/server.h"

#include "decode/decode_error.h"
#include "registry/formats_library.h"
#include "server/text.h"
#include "store/schema_add.h"

extern "C" {
#include "miscadmin.h"
#include "storage/ipc.h"
}

namespace heartbeat {

namespace {

[[noreturn]] void fail_out_of_memory() {
    ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory"),
                    errdetail("A schema could not be compiled.")));
}

void finish_module(int /*code*/, Datum /*argument*/) {
    if (const FormatsModule *module = formats_loaded(); module != nullptr)
        module->finish();
}

bool fits(MessageFormat format, RegistrySchemaType type) {
    return format == MessageFormat::avro ? type == RegistrySchemaType::avro
                                         : type == RegistrySchemaType::protobuf;
}

void refuse(SchemaCache *schemas, SchemaKey key, const char *text) {
    if (!schema_cache_refuse(schemas, key, message_format_error(schema_cache_format(schemas)), text))
        fail_out_of_memory();
}

SchemaUse use_avro(const StoredSchema &schema, TakeTexts take, void *argument) {
    auto *texts =
        static_cast<std::string_view *>(palloc(sizeof(std::string_view) * (schema.reference_count + 1)));
    for (size_t i = 0; i < schema.reference_count; i++)
        texts[i] = schema.references[i].text;
    texts[schema.reference_count] = schema.schema;
    if (!take({texts, schema.reference_count + 1}, argument))
        fail_out_of_memory();
    pfree(texts);
    return SchemaUse::taken;
}

SchemaUse use_protobuf(const StoredSchema &schema, TakeTexts take, void *argument, char *reason) {
    const FormatsModule *module = schema_module(reason, registry_reason_size);
    if (module == nullptr)
        return SchemaUse::no_module;
    CompiledProto *proto = schema_compile_proto(module, schema, reason);
    if (proto == nullptr)
        return SchemaUse::wrong;
    const std::string_view descriptors = module->proto_descriptors(proto);
    const bool taken = take({&descriptors, 1}, argument);
    module->proto_free(proto);
    if (!taken)
        fail_out_of_memory();
    return SchemaUse::taken;
}

struct Addition {
    SchemaCache *schemas;
    SchemaKey key;
};

bool add_texts(const SchemaTexts &texts, void *argument) {
    const auto *addition = static_cast<const Addition *>(argument);
    return schema_cache_add(addition->schemas, addition->key, texts);
}

} // namespace

const FormatsModule *schema_module(char *reason, size_t size) {
    static bool ends = false;
    char folder[MAXPGPATH];
    const FormatsModule *module =
        formats_load(formats_folder(folder, sizeof(folder)) ? folder : pkglib_path, reason, size);
    if (module != nullptr && !ends) {
        on_proc_exit(finish_module, 0);
        ends = true;
    }
    return module;
}

CompiledProto *schema_compile_proto(const FormatsModule *module, const StoredSchema &schema, char *reason) {
    CompiledProto *proto = module->proto_compile(schema.schema, schema.references, schema.reference_count,
                                                 reason, proto_error_size);
    if (proto == nullptr && reason[0] == '\0')
        fail_out_of_memory();
    return proto;
}

SchemaUse schema_use(const StoredSchema &schema, TakeTexts take, void *argument, char *reason) {
    return schema.type == RegistrySchemaType::protobuf ? use_protobuf(schema, take, argument, reason)
                                                       : use_avro(schema, take, argument);
}

bool schema_add(SchemaCache *schemas, SchemaKey key, const StoredSchema &schema, char *reason) {
    if (!fits(schema_cache_format(schemas), schema.type)) {
        refuse(schemas, key,
               psprintf("schema %d has the type %s; expected a schema of the source's format", key.id,
                        schema_type_names[static_cast<int>(schema.type)]));
        return true;
    }
    Addition addition = {schemas, key};
    switch (schema_use(schema, add_texts, &addition, reason)) {
    case SchemaUse::taken:
        return true;
    case SchemaUse::wrong:
        refuse(schemas, key, psprintf("schema %d cannot be used: %s", key.id, reason));
        return true;
    case SchemaUse::no_module:
        break;
    }
    return false;
}

void schema_add_unknown(SchemaCache *schemas, SchemaKey key, const char *registry) {
    const char *text =
        registry == nullptr
            ? psprintf(
                  "heartbeat_schemas has no schema %d, and the source has no schema registry; expected a "
                  "schema added with heartbeat_add_schema()",
                  key.id)
            : psprintf("the schema registry has no schema %d", key.id);
    if (!schema_cache_refuse(schemas, key, DecodeErrorCode::unknown_schema, text))
        fail_out_of_memory();
}

} // namespace heartbeat
