// Reads heartbeat_schemas as the extension's owner, because the role that calls the SQL function may have no
// right on this table. This role is allowed to see the messages, so it is also allowed to see their schemas.
#include "server/server.h"

#include "admin/acting_owner.h"
#include "admin/schema_session.h"
#include "decode/schema_access.h"
#include "server/text.h"
#include "store/schema_request.h"

extern "C" {
#include "storage/ipc.h"
#include "storage/latch.h"
#include "utils/wait_event.h"
}

namespace heartbeat {

namespace {

// Returns false if the table does not have the schema.
bool use_stored(const SchemaQuestion &question) {
    StoredSchema schema;
    const ActingOwner acting = acting_owner_enter();
    const bool found = schemas_find(question.source.schema_registry, question.id, &schema);
    if (found)
        question.use(schema, question.argument);
    acting_owner_leave(acting);
    return found;
}

RegistryAnswer wait_for_answer(SchemaRequest *request) {
    for (;;) {
        CHECK_FOR_INTERRUPTS();
        const RegistryAnswer answer = schema_request_poll(request);
        if (answer.state != RegistryState::waiting)
            return answer;
        WaitLatch(MyLatch, WL_LATCH_SET | WL_EXIT_ON_PM_DEATH | WL_TIMEOUT, schema_request_look_ms,
                  PG_WAIT_EXTENSION);
        ResetLatch(MyLatch);
    }
}

// Returns false if the registry does not have the schema.
bool use_answer(const SchemaQuestion &question, const RegistryAnswer &answer) {
    if (answer.state == RegistryState::unavailable)
        schema_session_refuse(question.source, question.id, answer.reason);
    if (answer.state == RegistryState::unknown_id)
        return false;
    const StoredSchema schema = {answer.type, answer.schema, answer.references, answer.reference_count};
    question.use(schema, question.argument);
    return true;
}

void end_request(int /*code*/, Datum request) {
    schema_request_end(reinterpret_cast<SchemaRequest *>(DatumGetPointer(request)));
}

struct Addition {
    const Source &source;
    SchemaCache *schemas;
};

void add(const StoredSchema &schema, void *argument) {
    const auto *addition = static_cast<const Addition *>(argument);
    char reason[registry_reason_size] = "";
    const SchemaKey key = schema_cache_wanted(addition->schemas);
    if (!schema_add(addition->schemas, key, schema, reason))
        schema_session_refuse(addition->source, key.id, reason);
}

} // namespace

void schema_session_refuse(const Source &source, int32_t id, const char *reason) {
    ereport(ERROR, (errcode(ERRCODE_CONNECTION_FAILURE), errmsg("cannot load schema %d", id),
                    errdetail("%s", text_from_utf8(reason)),
                    source.schema_registry == nullptr
                        ? 0
                        : errhint("Check the schema registry and the properties schema.registry.* of the "
                                  "source, or add the schema with heartbeat_add_schema(). Then call the "
                                  "function again.")));
}

bool schema_session_find(const SchemaQuestion &question) {
    if (use_stored(question))
        return true;
    if (question.source.schema_registry == nullptr)
        return false;
    char reason[registry_reason_size] = "";
    SchemaRequest request = {};
    if (!schema_request_begin(&request, question.source, question.id, reason))
        schema_session_refuse(question.source, question.id, reason);
    volatile bool found = false;
    PG_ENSURE_ERROR_CLEANUP(end_request, PointerGetDatum(&request));
    { found = use_answer(question, wait_for_answer(&request)); }
    PG_END_ENSURE_ERROR_CLEANUP(end_request, PointerGetDatum(&request));
    end_request(0, PointerGetDatum(&request));
    return found;
}

void schema_session_load(const Source &source, Decoder *decoder) {
    Addition addition = {source, decoder->schema_cache()};
    const SchemaKey key = schema_cache_wanted(addition.schemas);
    if (!schema_session_find({source, key.id, add, &addition}))
        schema_add_unknown(addition.schemas, key, source.schema_registry);
}

} // namespace heartbeat
