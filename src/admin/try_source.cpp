// Implements heartbeat_try_source() and heartbeat_suggest_mapping(). The session reads the newest messages of
// a topic, and decodes the messages as an ingest worker would. The session stores nothing in the database or
// in Kafka, so both functions also run in read-only transactions and on a standby.
#include "server/server.h"

#include "admin/newest_messages.h"
#include "admin/source_check.h"
#include "admin/suggest_schemas.h"
#include "admin/try_rows.h"
#include "decode/decoder_of_mapping.h"
#include "decode/suggest.h"
#include "server/compat.h"
#include "server/text.h"
#include "store/source_decoder.h"

extern "C" {
#include "storage/ipc.h"
#include "utils/jsonb.h"

PG_FUNCTION_INFO_V1(heartbeat_try_source);
PG_FUNCTION_INFO_V1(heartbeat_suggest_mapping);
}

namespace heartbeat {

namespace {

// The objects that a call must free.
struct Call {
    NewestMessages newest;
    Decoder *decoder;
    SampleSchemas *schemas;
    const Suggestions *suggestions;
};

void free_call(int /*code*/, Datum argument) {
    auto *call = reinterpret_cast<Call *>(DatumGetPointer(argument));
    newest_messages_close(&call->newest);
    decoder_destroy(call->decoder);
    sample_schemas_destroy(call->schemas);
    suggestions_destroy(call->suggestions);
    call->decoder = nullptr;
    call->schemas = nullptr;
    call->suggestions = nullptr;
}

const char *text_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return nullptr;
    const char *given = text_to_cstring(PG_GETARG_TEXT_PP(number));
    return given[0] == '\0' ? nullptr : given;
}

const char *mapping_argument(FunctionCallInfo fcinfo, int number) {
    if (PG_ARGISNULL(number))
        return nullptr;
    Jsonb *mapping = PG_GETARG_JSONB_P(number);
    return JsonbToCString(nullptr, &mapping->root, VARSIZE(mapping));
}

size_t wanted_argument(FunctionCallInfo fcinfo, int number) {
    int32_t wanted = PG_ARGISNULL(number) ? 0 : PG_GETARG_INT32(number);
    if (wanted < 1 || static_cast<size_t>(wanted) > samples_max)
        ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                        errmsg("the number of messages must be from 1 to %zu", samples_max),
                        errhint("The default is 100.")));
    return static_cast<size_t>(wanted);
}

// Makes the same checks as heartbeat_add_source(): the definition, and the right of the caller to set the
// servers and files in the definition.
void check(const SourceDefinition &given) {
    if (given.fields[topic_field] == nullptr)
        ereport(ERROR, (errcode(ERRCODE_NULL_VALUE_NOT_ALLOWED), errmsg("the topic cannot be NULL or empty"),
                        errhint("Give the name of a Kafka topic.")));
    source_check_rights(given, GetUserId());
    SourceDefinition source = given;
    source.name = "tried";
    source.fields[start_offset_field] = "earliest";
    source.fields[offset_reset_field] = "error";
    source.fields[tombstones_field] = "dead_letter";
    source_check(source, SourceDefinition{});
}

Source source_of(const SourceDefinition &given) {
    Source source = source_default();
    source.topic = given.fields[topic_field];
    source.format = given.fields[format_field];
    source.preset = given.fields[preset_field];
    source.mapping = given.fields[mapping_field];
    source.schema_registry = given.fields[schema_registry_field];
    source.schema = given.fields[schema_field];
    source.own_topic = true;
    source.own_brokers = given.fields[brokers_field] != nullptr;
    source.own_config_file = given.fields[kafka_config_file_field] != nullptr;
    if (source.own_brokers)
        source.brokers = given.fields[brokers_field];
    if (source.own_config_file)
        source.kafka_config_file = given.fields[kafka_config_file_field];
    return source;
}

void put_readings(const Call *call, ReturnSetInfo *result) {
    for (size_t i = 0; i < message_samples_count(call->newest.samples); i++) {
        CHECK_FOR_INTERRUPTS();
        try_rows_put(call->newest.source, call->decoder, message_samples_view(call->newest.samples, i),
                     result);
    }
}

bool is_interrupted() noexcept {
    return InterruptPending != 0;
}

// suggest() calls no function of the server, so suggest() cannot handle an interrupt. Instead, suggest() ends
// the search when is_interrupted() returns true, and the loop then handles the interrupt. If the interrupt
// does not cancel the statement, the loop begins the search again.
void find_suggestions(Call *call) {
    while (call->suggestions == nullptr) {
        CHECK_FOR_INTERRUPTS();
        call->suggestions = suggest(call->newest.samples, *call->schemas, is_interrupted);
        if (call->suggestions == nullptr && !is_interrupted())
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    }
}

void put_suggestions(const Call *call, ReturnSetInfo *result) {
    size_t of = message_samples_count(call->newest.samples);
    size_t count = suggestions_count(call->suggestions);
    for (size_t i = 0; i < count; i++)
        suggestion_rows_put(suggestions_get(call->suggestions, i), of, result);
    if (of > 0 && count == 0)
        ereport(NOTICE, (errcode(ERRCODE_SUCCESSFUL_COMPLETION),
                         errmsg("found no mapping that can decode any of the %zu messages", of),
                         errhint("docs/sources.md describes how to write a mapping.")));
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_try_source(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    SourceDefinition given = {};
    for (int field = topic_field; field <= schema_field; field++)
        given.fields[field] =
            field == mapping_field ? mapping_argument(fcinfo, field) : text_argument(fcinfo, field);
    size_t wanted = wanted_argument(fcinfo, schema_field + 1);
    check(given);
    auto *call = static_cast<Call *>(palloc0(sizeof(Call)));
    call->newest.source = source_of(given);
    PG_ENSURE_ERROR_CLEANUP(free_call, PointerGetDatum(call));
    {
        call->decoder = source_decoder_require(call->newest.source);
        newest_messages_read(&call->newest, wanted);
        put_readings(call, result);
    }
    PG_END_ENSURE_ERROR_CLEANUP(free_call, PointerGetDatum(call));
    free_call(0, PointerGetDatum(call));
    return static_cast<Datum>(0);
}

extern "C" Datum heartbeat_suggest_mapping(PG_FUNCTION_ARGS) {
    ReturnSetInfo *result = return_rows(fcinfo);
    SourceDefinition given = {};
    given.fields[topic_field] = text_argument(fcinfo, 0);
    // this function has no parameters for the three fields between topic and brokers
    constexpr int fields_before = brokers_field - 1;
    for (int field = brokers_field; field <= schema_field; field++)
        given.fields[field] = text_argument(fcinfo, field - fields_before);
    size_t wanted = wanted_argument(fcinfo, schema_field - fields_before + 1);
    given.fields[format_field] =
        suggest_schemas_format(given.fields[schema_registry_field], given.fields[schema_field]);
    check(given);
    auto *call = static_cast<Call *>(palloc0(sizeof(Call)));
    call->newest.source = source_of(given);
    PG_ENSURE_ERROR_CLEANUP(free_call, PointerGetDatum(call));
    {
        newest_messages_read(&call->newest, wanted);
        suggest_schemas_load(call->newest.source, call->newest.samples, &call->schemas);
        find_suggestions(call);
        put_suggestions(call, result);
    }
    PG_END_ENSURE_ERROR_CLEANUP(free_call, PointerGetDatum(call));
    free_call(0, PointerGetDatum(call));
    return static_cast<Datum>(0);
}
