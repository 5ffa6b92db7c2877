// Locks the dead letters of a retry, some hundreds at a time, and decodes their messages again into a batch.
// retry.cpp calls this file.
#include "server/server.h"

#include "admin/retry_decoder.h"
#include "admin/retry_letters.h"
#include "admin/schema_session.h"
#include "admin/source_named.h"
#include "decode/decoder_of_mapping.h"
#include "decode/pipeline.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "server/text.h"
#include "store/offsets.h"

extern "C" {
#include "utils/array.h"
}

namespace heartbeat {

namespace {

// Locks the dead letters and returns their sizes. Does not read their keys and payloads.
constexpr Statement::Types select_types = {TEXTOID,      TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID,
                                           INT8ARRAYOID, INT8OID, INT4OID, TEXTOID};
constexpr const char *select_letters_sql = R"sql(
    SELECT id, coalesce(octet_length(key), 0)::bigint + coalesce(octet_length(payload), 0), @source@
    FROM @extschema@.heartbeat_dead_letters
    WHERE resolved_at IS NULL AND id > $7 AND ($1 IS NULL OR error_code = $1)
        AND ($2 IS NULL OR topic = $2) AND ($3 IS NULL OR partition = $3)
        AND ($4 IS NULL OR arrived_at >= $4) AND ($5 IS NULL OR arrived_at < $5)
        AND ($6 IS NULL OR id = ANY ($6)) AND ($9 IS NULL OR @source@ = $9)@known@
    ORDER BY id LIMIT $8 FOR UPDATE)sql";

Statement count_gone = {{TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8ARRAYOID, TEXTOID},
                        R"sql(
    SELECT count(*)
    FROM @extschema@.heartbeat_dead_letters
    WHERE resolved_at IS NULL AND ($1 IS NULL OR error_code = $1)
        AND ($2 IS NULL OR topic = $2) AND ($3 IS NULL OR partition = $3)
        AND ($4 IS NULL OR arrived_at >= $4) AND ($5 IS NULL OR arrived_at < $5)
        AND ($6 IS NULL OR id = ANY ($6)) AND ($7 IS NULL OR source = $7)
        AND source NOT IN (
            SELECT name FROM @extschema@.heartbeat_source_definitions WHERE dropped_at IS NULL))sql"};

Statement know_source = {{TEXTOID}, R"sql(
    SELECT EXISTS (
            SELECT FROM @extschema@.heartbeat_source_definitions WHERE name = $1 AND dropped_at IS NULL)
        OR EXISTS (SELECT FROM @extschema@.heartbeat_dropped_offsets WHERE source = $1)
        OR EXISTS (SELECT FROM @extschema@.heartbeat_dead_letters WHERE source = $1))sql"};

constexpr const char *read_letters_sql = R"sql(
    SELECT id, key, payload, topic, partition, kafka_timestamp, error_code = 'CONFLICT', @added@,
        @source@, @dropped@
    FROM @extschema@.heartbeat_dead_letters l
    WHERE id = ANY ($1)
    ORDER BY id)sql";

// In heartbeat 1.1 and 1.2, heartbeat_dead_letters has no columns for the source, the headers and the
// conflicts. All its rows belong to the source `default`.
constexpr StatementPart source = {"@source@", R"sql(source)sql"};
constexpr StatementPart only_source = {"@source@", R"sql('default'::text)sql"};
constexpr StatementPart known = {"@known@", R"sql(
        AND source IN (
            SELECT name FROM @extschema@.heartbeat_source_definitions WHERE dropped_at IS NULL))sql"};
constexpr StatementPart all_known = {"@known@", R"sql()sql"};
constexpr StatementPart added = {"@added@", R"sql(
        header_names, header_values,
        CASE jsonb_typeof(readings) WHEN 'array' THEN jsonb_array_length(readings) ELSE 0 END)sql"};
// The expression is true if the source of the dead letter was dropped after the dead letter was stored.
// heartbeat_dropped_offsets then has a row for the source. A later source can have the same name and the same
// topic. So the expression also compares the dead letter's id with last_dead_letter, the last id before the
// drop.
constexpr StatementPart was_dropped = {"@dropped@", R"sql(
        EXISTS (SELECT FROM @extschema@.heartbeat_dropped_offsets d
                WHERE d.source = l.source AND d.topic = l.topic AND l.id <= d.last_dead_letter))sql"};
constexpr StatementPart never_dropped = {"@dropped@", R"sql(false)sql"};
constexpr StatementPart none_added = {"@added@", R"sql(NULL::text[], NULL::bytea[], 0)sql"};

Statement select_letters = {select_types, {source, known}, select_letters_sql};
Statement select_old_letters = {select_types, {only_source, all_known}, select_letters_sql};
Statement read_letters = {{INT8ARRAYOID}, {added, source, was_dropped}, read_letters_sql};
Statement read_old_letters = {{INT8ARRAYOID}, {none_added, only_source, never_dropped}, read_letters_sql};

bytea *letter_bytes(uint64_t row, int column) {
    bool null;
    Datum value = statement_value(row, column, BYTEAOID, &null);
    return null ? nullptr : DatumGetByteaPCopy(value);
}

MessageBytes bytes_of(const bytea *value) {
    return value == nullptr ? MessageBytes{} : MessageBytes{VARDATA(value), VARSIZE(value) - VARHDRSZ};
}

// Returns the elements of the array in this column, or nullptr if the column is NULL.
Datum *elements_of(uint64_t row, int column, Oid array_type, Oid type, bool **nulls, int *count) {
    bool null;
    Datum value = statement_value(row, column, array_type, &null);
    Datum *elements = nullptr;
    *count = 0;
    if (!null)
        deconstruct_array(DatumGetArrayTypePCopy(value), type, -1, false, TYPALIGN_INT, &elements, nulls,
                          count);
    return elements;
}

// If a person has changed the row, header_names and header_values can have different numbers of elements. The
// number of headers is then the smaller of these two numbers.
const MessageHeader *headers_of(uint64_t row, size_t *count) {
    bool *no_names, *no_values;
    int names_count, values_count;
    const Datum *names = elements_of(row, 8, TEXTARRAYOID, TEXTOID, &no_names, &names_count);
    const Datum *values = elements_of(row, 9, BYTEAARRAYOID, BYTEAOID, &no_values, &values_count);
    *count = static_cast<size_t>(std::min(names_count, values_count));
    auto *headers = static_cast<MessageHeader *>(palloc0(sizeof(MessageHeader) * (*count + 1)));
    for (size_t i = 0; i < *count; i++) {
        const char *name = no_names[i] ? "" : text_to_utf8(TextDatumGetCString(names[i]));
        headers[i] = {name, no_values[i] ? MessageBytes{} : bytes_of(DatumGetByteaP(values[i]))};
    }
    return headers;
}

int64_t kafka_time_of(uint64_t row) {
    bool null;
    TimestampTz time = DatumGetTimestampTz(statement_value(row, 6, TIMESTAMPTZOID, &null));
    return null || TIMESTAMP_NOT_FINITE(time) ? -1 : to_unix_microseconds(time) / 1000;
}

// Puts a dead letter into the batch. store_batch() counts for each partition number. This function uses the
// index of the dead letter in `chosen` as the partition number, so store_batch() counts each dead letter
// separately.
void decode_letter(const RetryLetters *letters, uint64_t row) {
    const SourceDecoder &decoder = *letters->chosen[row].decoder;
    bytea *key = letter_bytes(row, 2), *payload = letter_bytes(row, 3);
    MessageView message = {.partition = static_cast<int32_t>(row),
                           .kafka_time = kafka_time_of(row),
                           .key = bytes_of(key),
                           .payload = bytes_of(payload)};
    message.headers = headers_of(row, &message.header_count);
    PipelineResult result;
    while ((result = pipeline_take(decoder.decoder, message, 0, letters->batch)) ==
           PipelineResult::needs_schema)
        schema_session_load(decoder.source, decoder.decoder);
    if (result != PipelineResult::taken)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    if (key != nullptr)
        pfree(key);
    if (payload != nullptr)
        pfree(payload);
}

const SourceDecoder *decoder_of(const RetryLetters &letters, const char *source) {
    SourceDecoder made = {};
    strlcpy(made.name, source, sizeof(made.name));
    bool found;
    auto *known = static_cast<SourceDecoder *>(hash_search(letters.decoders, made.name, HASH_FIND, &found));
    if (found)
        return known;
    // load the decoder first: if retry_decoder_load() raises an error, `decoders` must not keep an entry
    // without a decoder
    made.decoder = retry_decoder_load(source, letters.context, &made.source);
    if (made.decoder == nullptr)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("another session has dropped the source \"%s\" during the retry", source)));
    known = static_cast<SourceDecoder *>(hash_search(letters.decoders, made.name, HASH_ENTER, &found));
    *known = made;
    return known;
}

} // namespace

HTAB *retry_letters_create_decoders() {
    HASHCTL control = {};
    control.keysize = sizeof(SourceDecoder::name);
    control.entrysize = sizeof(SourceDecoder);
    control.hcxt = CurrentMemoryContext;
    return hash_create("heartbeat decoders", 8, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

void retry_letters_destroy_decoders(HTAB *decoders) {
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, decoders);
    while (const auto *known = static_cast<const SourceDecoder *>(hash_seq_search(&scan)))
        decoder_destroy(known->decoder);
}

void retry_letters_require_source(const RetryLetters &letters) {
    constexpr int given = retry_filters + 2;
    if (letters.nulls[given] == 'n')
        return;
    statement_execute(&know_source, &letters.values[given], nullptr, SPI_OK_SELECT);
    if (!statement_bool(0, 1))
        source_refuse_unknown(TextDatumGetCString(letters.values[given]));
}

int64_t retry_letters_count_gone(const RetryLetters &letters) {
    if (!offsets_have_sources())
        return 0;
    Datum values[retry_filters + 1];
    char nulls[retry_filters + 1];
    std::copy(letters.values, letters.values + retry_filters, values);
    std::copy(letters.nulls, letters.nulls + retry_filters, nulls);
    values[retry_filters] = letters.values[retry_filters + 2];
    nulls[retry_filters] = letters.nulls[retry_filters + 2];
    statement_execute(&count_gone, values, nulls, SPI_OK_SELECT);
    return statement_int8(0, 1);
}

size_t retry_letters_lock(RetryLetters *letters) {
    uint64_t count = statement_execute(offsets_have_sources() ? &select_letters : &select_old_letters,
                                       letters->values, letters->nulls, SPI_OK_SELECT);
    statement_check_room(count, retry_letters_at_once);
    auto **sources = static_cast<const char **>(palloc(sizeof(char *) * (count + 1)));
    for (uint64_t row = 0; row < count; row++) {
        letters->locked[row].id = statement_int8(row, 1);
        letters->locked[row].bytes = statement_int8(row, 2);
        sources[row] = statement_text(row, 3);
    }
    SPI_freetuptable(SPI_tuptable);
    for (uint64_t row = 0; row < count; row++)
        letters->locked[row].decoder = decoder_of(*letters, sources[row]);
    if (count > 0)
        letters->values[retry_filters] = Int64GetDatum(letters->locked[count - 1].id);
    return count;
}

// retry_letters_lock() has locked the dead letters, so no other session can delete them. Rows can be missing
// only if this transaction has deleted them, for example in a trigger.
void retry_letters_decode(RetryLetters *letters, size_t count) {
    Datum ids = array_of_int8(count, [&](size_t i) { return letters->chosen[i].id; });
    if (statement_execute(offsets_have_sources() ? &read_letters : &read_old_letters, &ids, nullptr,
                          SPI_OK_SELECT) != count)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a dead letter was deleted while it was retried"),
                        errhint("Look for a trigger that deletes rows of heartbeat_dead_letters.")));
    for (uint64_t row = 0; row < count; row++) {
        letters->chosen[row].adjustment =
            counter_adjustments_of(letters->adjustments, statement_text(row, 11),
                                   TextDatumGetCString(statement_value(row, 4, TEXTOID)),
                                   statement_int4(row, 5), statement_bool(row, 12));
        letters->chosen[row].is_conflict = statement_bool(row, 7);
        letters->chosen[row].conflicts = statement_int4(row, 10);
        letters->chosen[row].refusal = nullptr;
        decode_letter(letters, row);
    }
    SPI_freetuptable(SPI_tuptable);
}

} // namespace heartbeat
