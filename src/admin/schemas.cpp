// Implements heartbeat_add_schema(). The function checks the schema, and then writes to heartbeat_schemas as
// the extension's owner.
#include "server/server.h"

#include "admin/acting_owner.h"
#include "admin/commit_hooks.h"
#include "registry/registry_urls.h"
#include "server/text.h"
#include "store/schema_check.h"
#include "store/sources.h"

extern "C" {
#include "access/xlog.h"
#include "tcop/utility.h"

PG_FUNCTION_INFO_V1(heartbeat_add_schema);
}

namespace heartbeat {

namespace {

[[noreturn]] void refuse(const char *message, const char *detail, const char *hint) {
    ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE), errmsg("%s", message),
                    detail == nullptr ? 0 : errdetail("%s", detail), errhint("%s", hint)));
}

int32_t id_argument(FunctionCallInfo fcinfo) {
    const int32_t id = PG_ARGISNULL(0) ? -1 : PG_GETARG_INT32(0);
    if (id < 0)
        refuse("the id of a schema must be 0 or greater", nullptr,
               "Give the id that messages have in their frame.");
    return id;
}

RegistrySchemaType type_argument(FunctionCallInfo fcinfo) {
    const char *name = PG_ARGISNULL(2) ? "AVRO" : text_to_cstring(PG_GETARG_TEXT_PP(2));
    RegistrySchemaType type;
    if (!schema_type_find(name, &type))
        refuse(psprintf("there is no schema type \"%.100s\"", name), nullptr, "Give AVRO, PROTOBUF or JSON.");
    return type;
}

// Returns the schema in UTF-8.
const char *schema_argument(FunctionCallInfo fcinfo, RegistrySchemaType type) {
    if (PG_ARGISNULL(1))
        refuse("the schema cannot be NULL", nullptr,
               "Give the JSON text of an Avro or JSON schema, or the text of a .proto file.");
    const char *schema = text_exactly_to_utf8(text_to_cstring(PG_GETARG_TEXT_PP(1)));
    char reason[registry_reason_size];
    if (!schema_check(type, schema, reason, sizeof(reason)))
        refuse(psprintf("the schema cannot be used as %s", schema_type_names[static_cast<int>(type)]),
               text_from_utf8(reason), "Give a complete schema: this function adds no references.");
    return schema;
}

// Returns the argument schema_registry, or nullptr if the schema is for sources without a registry.
const char *registry_argument(FunctionCallInfo fcinfo) {
    const char *urls = PG_ARGISNULL(3) ? "" : text_to_cstring(PG_GETARG_TEXT_PP(3));
    char reason[registry_reason_size];
    if (urls[0] == '\0')
        return nullptr;
    if (!registry_urls_check(urls, reason, sizeof(reason)))
        refuse("schema_registry is not a list of URLs", reason, registry_urls_legal);
    return urls;
}

// Raises a notice if no source has exactly this text as schema_registry, because then no source uses the
// schema.
void warn_if_unused(const char *registry) {
    size_t count = 0;
    const ListedSource *listed = sources_load(CurrentMemoryContext, &count);
    for (size_t i = 0; i < count; i++)
        if (listed[i].source.schema_registry != nullptr &&
            strcmp(listed[i].source.schema_registry, registry) == 0)
            return;
    ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                     errmsg("no source has the schema registry \"%.300s\"", registry),
                     errhint("The text of schema_registry must be the same as in heartbeat_sources.")));
}

bool equals(const StoredSchema &stored, RegistrySchemaType type, const char *schema) {
    return stored.type == type && stored.schema == schemas_stored_text(type, schema) &&
           stored.reference_count == 0;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_add_schema(PG_FUNCTION_ARGS) {
    PreventCommandIfReadOnly("heartbeat_add_schema()");
    PreventCommandDuringRecovery("heartbeat_add_schema()");
    const int32_t id = id_argument(fcinfo);
    const RegistrySchemaType type = type_argument(fcinfo);
    const char *schema = schema_argument(fcinfo, type), *registry = registry_argument(fcinfo);
    const ActingOwner acting = acting_owner_enter();
    StoredSchema stored;
    if (!schemas_add(registry, id, {type, schema, nullptr, 0}) && schemas_find(registry, id, &stored) &&
        !equals(stored, type, schema))
        ereport(
            ERROR,
            (errcode(ERRCODE_DUPLICATE_OBJECT),
             errmsg("heartbeat_schemas has another schema with the id %d", id),
             errhint(
                 "The schema of an id does not change. If the stored schema is wrong, delete its row from "
                 "heartbeat_schemas, and add the right schema. Then call heartbeat_alter_source() for each "
                 "source that uses the schema, with the present mapping or preset of the source.")));
    if (registry != nullptr)
        warn_if_unused(registry);
    acting_owner_leave(acting);
    commit_hooks_wake();
    PG_RETURN_VOID();
}
