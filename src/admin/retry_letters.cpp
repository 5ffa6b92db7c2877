// Locks the dead letters of a retry, some hundreds at a time, and decodes their messages into a batch again.
// retry.cpp calls it.
#include "server/server.h"

#include "admin/retry_letters.h"
#include "decode/pipeline.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "store/offsets.h"

namespace heartbeat {

namespace {

// Locks the dead letters and returns their sizes. It does not read their keys and payloads.
Statement select_letters = {
    {TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8ARRAYOID, INT8OID, INT4OID}, R"sql(
    SELECT id, coalesce(octet_length(key), 0)::bigint + coalesce(octet_length(payload), 0)
    FROM @extschema@.heartbeat_dead_letters
    WHERE resolved_at IS NULL AND id > $7 AND ($1 IS NULL OR error_code = $1)
        AND ($2 IS NULL OR topic = $2) AND ($3 IS NULL OR partition = $3)
        AND ($4 IS NULL OR arrived_at >= $4) AND ($5 IS NULL OR arrived_at < $5)
        AND ($6 IS NULL OR id = ANY ($6))
    ORDER BY id LIMIT $8 FOR UPDATE)sql"};

constexpr const char *read_letters_sql = R"sql(
    SELECT id, key, payload, topic, partition, @source@
    FROM @extschema@.heartbeat_dead_letters
    WHERE id = ANY ($1)
    ORDER BY id)sql";

// A database of version 1.1 or 1.2 has only the source default.
constexpr StatementPart with_source = {"@source@", R"sql(source)sql"};
constexpr StatementPart with_default = {"@source@", R"sql('default'::text)sql"};

Statement read_letters = {{INT8ARRAYOID}, {with_source}, read_letters_sql};
Statement read_old_letters = {{INT8ARRAYOID}, {with_default}, read_letters_sql};

bytea *letter_bytes(uint64_t row, int column) {
    bool null;
    Datum value = statement_value(row, column, BYTEAOID, &null);
    return null ? nullptr : DatumGetByteaPCopy(value);
}

MessageBytes bytes_of(const bytea *value) {
    return value == nullptr ? MessageBytes{} : MessageBytes{VARDATA(value), VARSIZE(value) - VARHDRSZ};
}

// Puts a dead letter into the batch, in a partition of its own. The number of this partition is the dead
// letter's index in `chosen`.
void decode_letter(const RetryLetters *letters, uint64_t row) {
    bytea *key = letter_bytes(row, 2), *payload = letter_bytes(row, 3);
    MessageView message = {
        .partition = static_cast<int32_t>(row), .key = bytes_of(key), .payload = bytes_of(payload)};
    if (!pipeline_take(letters->decoder, message, 0, letters->batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    if (key != nullptr)
        pfree(key);
    if (payload != nullptr)
        pfree(payload);
}

} // namespace

size_t retry_letters_lock(RetryLetters *letters) {
    uint64_t count = statement_execute(&select_letters, letters->values, letters->nulls, SPI_OK_SELECT);
    statement_check_room(count, retry_letters_at_once);
    for (uint64_t row = 0; row < count; row++) {
        letters->locked[row].id = statement_int8(row, 1);
        letters->locked[row].bytes = statement_int8(row, 2);
    }
    SPI_freetuptable(SPI_tuptable);
    if (count > 0)
        letters->values[retry_filters] = Int64GetDatum(letters->locked[count - 1].id);
    return count;
}

// retry_letters_lock() has locked the dead letters, so no other session can have deleted them since.
void retry_letters_decode(RetryLetters *letters, size_t count) {
    Datum ids = array_of_int8(count, [&](size_t i) { return letters->chosen[i].id; });
    if (statement_execute(offsets_have_sources() ? &read_letters : &read_old_letters, &ids, nullptr,
                          SPI_OK_SELECT) != count)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("another session changed dead letters during the retry")));
    for (uint64_t row = 0; row < count; row++) {
        letters->chosen[row].adjustment = counter_adjustments_of(
            letters->adjustments, statement_text(row, 6),
            TextDatumGetCString(statement_value(row, 4, TEXTOID)), statement_int4(row, 5));
        decode_letter(letters, row);
    }
    SPI_freetuptable(SPI_tuptable);
}

} // namespace heartbeat
