// Makes the steps of the phase `loading`. The reader searches heartbeat_schemas for the schema, asks the
// registry, stores the registry's answer, and adds the schema to the decoder.
#include "server/server.h"

#include "decode/decoder.h"
#include "decode/schema_access.h"
#include "ingest/reader_schema.h"
#include "ingest/source_reader.h"
#include "server/clock.h"
#include "server/subtransaction.h"
#include "server/text.h"
#include "server/transaction.h"

extern "C" {
#include "access/xact.h"
#include "utils/guc.h"
}

namespace heartbeat {

namespace {

constexpr long again_ms_min = 1000;
constexpr long again_ms_max = 10000;

constexpr char registry_hint[] =
    "heartbeat tries again automatically. Check the schema registry and the properties schema.registry.* of "
    "the source, or add the schema with heartbeat_add_schema().";
constexpr char module_hint[] =
    "The source waits until the module can be loaded. heartbeat tries again automatically.";

constexpr char insert_lock_timeout[] = "100ms";

long continue_reading(SourceReader *reader) {
    reader->load.again_ms = 0;
    reader_enter(reader, ReaderPhase::assigning);
    return at_once;
}

// While the source waits, its lag grows. This function asks Kafka for the end offsets, so that
// heartbeat_partitions shows the lag. Returns the milliseconds until the next question.
long watch_topic(SourceReader *reader) {
    consumer_session_drain(&reader->session, reader->slot);
    assignment_refresh_watermarks(reader->session.consumer, &reader->session.assignment);
    return partitions_until_due(reader->session.assignment.partitions);
}

// Shows in heartbeat_status why the source waits. Returns the milliseconds until the next step.
long wait_with_reason(SourceReader *reader, const char *reason, const char *hint) {
    char shown[state_text_size];
    text_print(shown, sizeof(shown), "cannot load schema %d: %s", reader->load.key.id,
               text_from_utf8(reason));
    reader_report(reader, WorkerState::connecting, shown, hint);
    const long left = reader_schema_wait(reader);
    return std::min(left, watch_topic(reader));
}

enum class Stored { added, missing, unusable, uninstalled };

// Looks for the schema in heartbeat_schemas, and adds the schema to the decoder.
Stored add_stored(SourceReader *reader, SchemaCache *schemas, char *reason) {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return Stored::uninstalled;
    StoredSchema schema;
    Stored result = Stored::missing;
    if (schemas_find(reader->source.schema_registry, reader->load.key.id, &schema))
        result = schema_add(schemas, reader->load.key, schema, reason) ? Stored::added : Stored::unusable;
    transaction_commit();
    return result;
}

long begin_request(SourceReader *reader, SchemaCache *schemas) {
    char reason[registry_reason_size] = "";
    switch (add_stored(reader, schemas, reason)) {
    case Stored::uninstalled:
        return reader_load_again(reader);
    case Stored::added:
        return continue_reading(reader);
    case Stored::unusable:
        return wait_with_reason(reader, reason, module_hint);
    case Stored::missing:
        break;
    }
    if (reader->source.schema_registry == nullptr) {
        schema_add_unknown(schemas, reader->load.key, nullptr);
        return continue_reading(reader);
    }
    if (!schema_request_begin(&reader->load.request, reader->source, reader->load.key.id, reason))
        return wait_with_reason(reader, reason, registry_hint);
    return at_once;
}

struct Insertion {
    const Source &source;
    int32_t id;
    const StoredSchema &schema;
};

void insert(void *argument) {
    const auto *insertion = static_cast<const Insertion *>(argument);
    schemas_add(insertion->source.schema_registry, insertion->id, insertion->schema);
}

bool is_lock_timeout(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_LOCK_NOT_AVAILABLE;
}

// Stores the answer. So after a restart, on a promoted standby, or in a restored dump, heartbeat does not ask
// the registry for this schema again. A session can have stored the same schema in a transaction that is
// still open. The worker waits for this transaction. During this wait no source of the worker continues, so
// after insert_lock_timeout the worker uses the schema without storing it.
long take_answer(SourceReader *reader, SchemaCache *schemas, const RegistryAnswer &answer) {
    const StoredSchema schema = {answer.type, answer.schema, answer.references, answer.reference_count};
    char reason[registry_reason_size] = "";
    Insertion insertion = {reader->source, reader->load.key.id, schema};
    CaughtError caught;
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return reader_load_again(reader);
    set_config_option("lock_timeout", insert_lock_timeout, PGC_USERSET, PGC_S_SESSION, GUC_ACTION_LOCAL, true,
                      0, false);
    subtransaction_try(insert, &insertion, is_lock_timeout, &caught);
    const bool added = schema_add(schemas, reader->load.key, schema, reason);
    transaction_commit();
    return added ? continue_reading(reader) : wait_with_reason(reader, reason, module_hint);
}

} // namespace

long reader_schema_begin(SourceReader *reader) {
    // schema_cache_wanted() returns the last schema that the decoder did not find. The next message needs
    // this schema, because the decoder has decoded no message since then.
    reader->load.key = schema_cache_wanted(reader->session.cycle.decoder->schema_cache());
    reader_enter(reader, ReaderPhase::loading);
    return at_once;
}

long reader_schema_step(SourceReader *reader) {
    SchemaCache *schemas = reader->session.cycle.decoder->schema_cache();
    const MonotonicTime now = monotonic_now();
    if (reader->load.again_at > now)
        return std::min(monotonic_milliseconds(now, reader->load.again_at), watch_topic(reader));
    reader->load.again_at = 0;
    if (reader->load.request.request == nullptr)
        return begin_request(reader, schemas);
    const RegistryAnswer answer = schema_request_poll(&reader->load.request);
    switch (answer.state) {
    case RegistryState::waiting:
        watch_topic(reader);
        return schema_request_look_ms;
    case RegistryState::found:
        return take_answer(reader, schemas, answer);
    case RegistryState::unknown_id:
        schema_add_unknown(schemas, reader->load.key, reader->source.schema_registry);
        return continue_reading(reader);
    case RegistryState::unavailable:
        break;
    }
    return wait_with_reason(reader, answer.reason, registry_hint);
}

long reader_schema_wait(SourceReader *reader) {
    schema_request_end(&reader->load.request);
    reader->load.again_ms = std::clamp(reader->load.again_ms * 2, again_ms_min, again_ms_max);
    reader->load.again_at = monotonic_now() + reader->load.again_ms * INT64CONST(1000);
    return reader->load.again_ms;
}

} // namespace heartbeat
