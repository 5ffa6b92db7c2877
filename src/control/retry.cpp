// Control wing: heartbeat_retry_dead_letters(). A dead letter goes the way of a message: decoded into a
// batch, stored by store_batch; only its counting differs, since its offset was counted when it arrived.
#include "server.h"

#include "control/wake.h"
#include "settings.h"
#include "storage/arrays.h"
#include "storage/dead_letters.h"
#include "storage/sql.h"
#include "storage/store.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"

PG_FUNCTION_INFO_V1(heartbeat_retry_dead_letters);
}

namespace heartbeat {

namespace {

constexpr int letters_at_once = 500;
constexpr size_t batch_bytes_max = size_t{64} << 20;

Statement select_letters = {"SELECT id, key, payload FROM @extschema@.heartbeat_dead_letters"
                            " WHERE resolved_at IS NULL AND id > $1 ORDER BY id LIMIT 500 FOR UPDATE",
                            1,
                            {INT8OID},
                            0,
                            nullptr};

Statement mark_resolved = {
    "UPDATE @extschema@.heartbeat_dead_letters SET resolved_at = now() WHERE id = ANY ($1)",
    1,
    {INT8ARRAYOID},
    0,
    nullptr};

Statement update_errors = {
    "UPDATE @extschema@.heartbeat_dead_letters l SET error_code = n.error_code, error_text = n.error_text"
    " FROM unnest($1, $2, $3) AS n (id, error_code, error_text)"
    " WHERE l.id = n.id AND (l.error_code, l.error_text) IS DISTINCT FROM (n.error_code, n.error_text)",
    3,
    {INT8ARRAYOID, TEXTARRAYOID, TEXTARRAYOID},
    0,
    nullptr};

Statement record_event = {
    "SELECT @extschema@.heartbeat_record_event('retry', NULL,"
    " jsonb_build_object('resolved', $1::bigint, 'remaining', $2::bigint))",
    2,
    {INT8OID, INT8OID},
    0,
    nullptr};

// The offset of a dead letter stays counted once: as what it has become.
Statement recount = {
    "UPDATE @extschema@.heartbeat_offsets o SET dead_letters = o.dead_letters - n.resolved,"
    " records = o.records + n.records, bradycardia = o.bradycardia + n.bradycardia,"
    " tachycardia = o.tachycardia + n.tachycardia, invalid = o.invalid + n.invalid,"
    " duplicates = o.duplicates + n.duplicates, first_event = least(o.first_event, n.first_event),"
    " last_event = greatest(o.last_event, n.last_event), updated_at = now()"
    " FROM (SELECT l.topic, l.partition, count(*) AS resolved, sum(r.records) AS records,"
    " sum(r.bradycardia) AS bradycardia, sum(r.tachycardia) AS tachycardia, sum(r.invalid) AS invalid,"
    " sum(r.duplicates) AS duplicates, min(r.event) AS first_event, max(r.event) AS last_event"
    " FROM unnest($1, $2, $3, $4, $5, $6, $7)"
    " AS r (id, records, bradycardia, tachycardia, invalid, duplicates, event)"
    " JOIN @extschema@.heartbeat_dead_letters l USING (id) GROUP BY l.topic, l.partition) n"
    " WHERE o.topic = n.topic AND o.partition = n.partition",
    7,
    {INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, INT8ARRAYOID, TIMESTAMPTZARRAYOID},
    0,
    nullptr};

struct Retry {
    Batch *batch;
    int64_t ids[letters_at_once];
    int64_t last_id;
    int64_t resolved;
    int64_t remaining;
};

bytea *letter_bytes(uint64_t row, int column) {
    bool null;
    Datum value = SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, column, &null);
    return null ? nullptr : DatumGetByteaPP(value);
}

// Each dead letter is alone in a partition of the batch, whose number is its place in ids.
size_t decode_letters(Retry *retry) {
    Datum after = Int64GetDatum(retry->last_id);
    uint64_t count = statement_execute(&select_letters, &after, nullptr, SPI_OK_SELECT);
    for (uint64_t row = 0; row < count; row++) {
        bool null;
        retry->ids[row] =
            DatumGetInt64(SPI_getbinval(SPI_tuptable->vals[row], SPI_tuptable->tupdesc, 1, &null));
        bytea *key = letter_bytes(row, 2), *payload = letter_bytes(row, 3);
        if (!batch_add_alone(retry->batch, static_cast<int32_t>(row),
                             key == nullptr ? nullptr : VARDATA_ANY(key),
                             key == nullptr ? 0 : VARSIZE_ANY_EXHDR(key),
                             payload == nullptr ? nullptr : VARDATA_ANY(payload),
                             payload == nullptr ? 0 : VARSIZE_ANY_EXHDR(payload)))
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        retry->last_id = retry->ids[row];
    }
    SPI_freetuptable(SPI_tuptable);
    return count;
}

// The letters whose messages are (or are not) readings now: indexes into ids.
uint32_t *select_messages(const Batch *batch, bool readings, size_t *count) {
    auto *indexes = static_cast<uint32_t *>(palloc(sizeof(uint32_t) * batch->messages.size()));
    *count = 0;
    for (size_t i = 0; i < batch->messages.size(); i++)
        if (batch->messages[i].is_reading() == readings)
            indexes[(*count)++] = static_cast<uint32_t>(i);
    return indexes;
}

void resolve(Retry *retry, const PartitionCounts *counts) {
    size_t count;
    const uint32_t *indexes = select_messages(retry->batch, true, &count);
    if (count == 0)
        return;
    auto stored = [&](HeartRateClass heart_rate_class) {
        return array_of_int8(
            count, [&](size_t i) { return counts[indexes[i]].stored[static_cast<int>(heart_rate_class)]; });
    };
    Datum values[7] = {
        array_of_int8(count, [&](size_t i) { return retry->ids[indexes[i]]; }),
        stored(HeartRateClass::normal),
        stored(HeartRateClass::bradycardia),
        stored(HeartRateClass::tachycardia),
        stored(HeartRateClass::invalid),
        array_of_int8(count, [&](size_t i) { return counts[indexes[i]].duplicates; }),
        array_of_timestamptz(count, [&](size_t i) { return retry->batch->messages[indexes[i]].event_time; }),
    };
    statement_execute(&recount, values, nullptr, SPI_OK_UPDATE);
    statement_execute(&mark_resolved, values, nullptr, SPI_OK_UPDATE);
    retry->resolved += static_cast<int64_t>(count);
}

void note_errors(Retry *retry) {
    const Batch *batch = retry->batch;
    size_t count;
    const uint32_t *indexes = select_messages(batch, false, &count);
    if (count == 0)
        return;
    Datum values[3] = {
        array_of_int8(count, [&](size_t i) { return retry->ids[indexes[i]]; }),
        array_of_names(count, [&](size_t i) { return dead_letters_error_code(batch->messages[indexes[i]]); }),
        array_of_text(batch, count, [&](size_t i) { return batch->messages[indexes[i]].error_text; }),
    };
    statement_execute(&update_errors, values, nullptr, SPI_OK_UPDATE);
    retry->remaining += static_cast<int64_t>(count);
}

bool retry_some(Retry *retry) {
    retry->batch->clear();
    size_t count = decode_letters(retry);
    if (count == 0)
        return false;
    if (!batch_seal(retry->batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    resolve(retry, store_batch(retry->batch, nullptr, true));
    note_errors(retry);
    return true;
}

} // namespace

} // namespace heartbeat

using namespace heartbeat;

extern "C" Datum heartbeat_retry_dead_letters(PG_FUNCTION_ARGS) {
    TupleDesc description;
    if (get_call_result_type(fcinfo, nullptr, &description) != TYPEFUNC_COMPOSITE)
        elog(ERROR, "return type must be a row type");
    auto *retry = static_cast<Retry *>(palloc0(sizeof(Retry)));
    Extension extension;
    extension_find(&extension);
    SPI_connect();
    retry->batch = batch_create(letters_at_once, batch_bytes_max);
    if (retry->batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    PG_TRY();
    {
        while (retry_some(retry))
            CHECK_FOR_INTERRUPTS();
    }
    PG_FINALLY();
    { batch_destroy(retry->batch); }
    PG_END_TRY();
    Datum values[2] = {Int64GetDatum(retry->resolved), Int64GetDatum(retry->remaining)};
    if (retry->resolved + retry->remaining > 0)
        statement_execute(&record_event, values, nullptr, SPI_OK_SELECT);
    SPI_finish();
    if (retry->resolved > 0)
        wake_at_commit();
    bool nulls[2] = {};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
