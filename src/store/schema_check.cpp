// Compiles an Avro or Protobuf schema as a decoder does. No mapping is known here, so this file compiles the
// schema for a decoder that reads all fields.
#include "server/server.h"

#include "decode/schema_access.h"
#include "store/schema_add.h"
#include "store/schema_check.h"

namespace heartbeat {

namespace {

bool take(SchemaVerdict verdict, const SchemaError &error, char *reason, size_t size) {
    if (verdict == SchemaVerdict::out_of_memory)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    if (verdict == SchemaVerdict::wrong)
        snprintf(reason, size, "%s", error.text);
    return verdict == SchemaVerdict::usable;
}

bool check(MessageFormat format, const std::string_view &text, char *reason, size_t size) {
    SchemaError error = {};
    return take(schema_judge(format, {&text, 1}, &error), error, reason, size);
}

bool check_proto(const char *schema, char *reason, size_t size) {
    char text[proto_error_size] = "";
    const FormatsModule *module = schema_module(text, sizeof(text));
    CompiledProto *proto =
        module == nullptr
            ? nullptr
            : schema_compile_proto(module, {RegistrySchemaType::protobuf, schema, nullptr, 0}, text);
    snprintf(reason, size, "%s", text);
    if (proto == nullptr)
        return false;
    const bool usable = check(MessageFormat::protobuf, module->proto_descriptors(proto), reason, size);
    module->proto_free(proto);
    return usable;
}

} // namespace

bool schema_check(RegistrySchemaType type, const char *schema, char *reason, size_t size) {
    switch (type) {
    case RegistrySchemaType::avro:
        return check(MessageFormat::avro, schema, reason, size);
    case RegistrySchemaType::protobuf:
        return check_proto(schema, reason, size);
    case RegistrySchemaType::json:
        break;
    }
    return check(MessageFormat::json_schema, schema, reason, size);
}

} // namespace heartbeat
