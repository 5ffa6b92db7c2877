// heartbeat_retry_dead_letters(). A dead letter goes the way of a message: decoded into a
// batch, stored by store_batch; only its counting differs, since its offset was counted when it arrived.
#include "server/server.h"

#include "admin/commit_hooks.h"
#include "admin/retry_filters.h"
#include "monitor/events.h"
#include "server/arrays.h"
#include "server/extension.h"
#include "server/log_redaction.h"
#include "server/settings.h"
#include "server/statement.h"
#include "server/transaction.h"
#include "store/counter_adjustments.h"
#include "store/dead_letters.h"

extern "C" {
#include "access/htup_details.h"
#include "funcapi.h"
#include "lib/stringinfo.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"

PG_FUNCTION_INFO_V1(heartbeat_retry_dead_letters);
}

namespace heartbeat {

namespace {

constexpr int letters_at_once = 500;
constexpr int64_t bytes_at_once = int64_t{4} << 20; // of their messages; one alone may be larger

// Locks them, and tells of their size without reading it.
Statement select_letters = {
    "SELECT id, coalesce(octet_length(key), 0)::bigint + coalesce(octet_length(payload), 0)"
    " FROM @extschema@.heartbeat_dead_letters"
    " WHERE resolved_at IS NULL AND id > $7 AND ($1 IS NULL OR error_code = $1) AND ($2 IS NULL OR topic = "
    "$2)"
    " AND ($3 IS NULL OR partition = $3) AND ($4 IS NULL OR arrived_at >= $4) AND ($5 IS NULL OR arrived_at "
    "< $5)"
    " AND ($6 IS NULL OR id = ANY ($6)) ORDER BY id LIMIT $8 FOR UPDATE",
    retry_filters + 2,
    {TEXTOID, TEXTOID, INT4OID, TIMESTAMPTZOID, TIMESTAMPTZOID, INT8ARRAYOID, INT8OID, INT4OID},
    0,
    nullptr};

Statement read_letters = {
    "SELECT id, key, payload, topic, partition FROM @extschema@.heartbeat_dead_letters WHERE id = ANY ($1)"
    " ORDER BY id",
    1,
    {INT8ARRAYOID},
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

Statement build_details = {
    "SELECT jsonb_build_object('resolved', $1, 'remaining', $2, 'remaining_errors', $3)",
    3,
    {INT8OID, INT8OID, JSONBOID},
    0,
    nullptr};

struct Letter {
    int64_t id;
    int64_t bytes;
    CounterAdjustment *adjustment; // of its partition
};

struct ErrorCount {
    char code[32]; // first: the hash table's key
    int64_t remaining;
};

struct Retry {
    Batch *batch;
    Datum values[retry_filters + 2]; // and the last id that was looked at, and how many to look at
    char nulls[retry_filters + 2];
    MemoryContext context; // of one batch
    HTAB *adjustments;
    HTAB *errors;
    Letter locked[letters_at_once];
    Letter *letters; // those of them that are in the batch
    int64_t resolved;
    int64_t remaining;
};

size_t lock_letters(Retry *retry) {
    uint64_t count = statement_execute(&select_letters, retry->values, retry->nulls, SPI_OK_SELECT);
    for (uint64_t row = 0; row < count; row++) {
        retry->locked[row].id = statement_int8(row, 1);
        retry->locked[row].bytes = statement_int8(row, 2);
    }
    SPI_freetuptable(SPI_tuptable);
    if (count > 0)
        retry->values[retry_filters] = Int64GetDatum(retry->locked[count - 1].id);
    return count;
}

bytea *letter_bytes(uint64_t row, int column) {
    bool null;
    Datum value = statement_value(row, column, BYTEAOID, &null);
    return null ? nullptr : DatumGetByteaPCopy(value);
}

// Each dead letter is alone in a partition of the batch, whose number is its place in letters.
void decode_letter(Retry *retry, uint64_t row) {
    bytea *key = letter_bytes(row, 2), *payload = letter_bytes(row, 3);
    bool added = batch_add_alone(
        retry->batch, static_cast<int32_t>(row), key == nullptr ? nullptr : VARDATA(key),
        key == nullptr ? 0 : VARSIZE(key) - VARHDRSZ, payload == nullptr ? nullptr : VARDATA(payload),
        payload == nullptr ? 0 : VARSIZE(payload) - VARHDRSZ);
    if (!added)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    if (key != nullptr)
        pfree(key);
    if (payload != nullptr)
        pfree(payload);
}

// They are locked, so they are there.
void decode_letters(Retry *retry, size_t count) {
    Datum ids = array_of_int8(count, [&](size_t i) { return retry->letters[i].id; });
    if (statement_execute(&read_letters, &ids, nullptr, SPI_OK_SELECT) != count)
        ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                        errmsg("dead letters have changed while they were retried")));
    for (uint64_t row = 0; row < count; row++) {
        retry->letters[row].adjustment =
            counter_adjustments_of(retry->adjustments, TextDatumGetCString(statement_value(row, 4, TEXTOID)),
                                   statement_int4(row, 5));
        decode_letter(retry, row);
    }
    SPI_freetuptable(SPI_tuptable);
}

// The letters whose messages are (or are not) readings now: indexes into letters.
uint32_t *select_messages(const Batch *batch, bool readings, size_t *count) {
    auto *indexes = static_cast<uint32_t *>(palloc(sizeof(uint32_t) * batch->messages.size()));
    *count = 0;
    for (size_t i = 0; i < batch->messages.size(); i++)
        if (batch->messages[i].is_reading() == readings)
            indexes[(*count)++] = static_cast<uint32_t>(i);
    return indexes;
}

// The offset of a dead letter stays counted once: as what it has become.
void count_resolved(CounterAdjustment *adjustment, const PartitionCounts &counts, int64_t event_time) {
    adjustment->dead_letters--;
    for (int i = 0; i < heart_rate_classes; i++)
        adjustment->stored[i] += counts.stored[i];
    adjustment->duplicates += counts.duplicates;
    counter_adjustments_event(adjustment, event_time);
}

void resolve(Retry *retry, const PartitionCounts *counts) {
    size_t count;
    const uint32_t *indexes = select_messages(retry->batch, true, &count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        count_resolved(retry->letters[indexes[i]].adjustment, counts[indexes[i]],
                       retry->batch->messages[indexes[i]].event_time);
    Datum ids = array_of_int8(count, [&](size_t i) { return retry->letters[indexes[i]].id; });
    statement_execute(&mark_resolved, &ids, nullptr, SPI_OK_UPDATE);
    retry->resolved += static_cast<int64_t>(count);
}

void count_error(Retry *retry, const char *code) {
    ErrorCount key = {};
    text_copy(key.code, code);
    bool found;
    auto *error = static_cast<ErrorCount *>(hash_search(retry->errors, key.code, HASH_ENTER, &found));
    error->remaining = found ? error->remaining + 1 : 1;
}

void note_errors(Retry *retry) {
    const Batch *batch = retry->batch;
    size_t count;
    const uint32_t *indexes = select_messages(batch, false, &count);
    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        count_error(retry, dead_letters_error_code(batch->messages[indexes[i]]));
    Datum values[3] = {
        array_of_int8(count, [&](size_t i) { return retry->letters[indexes[i]].id; }),
        array_of_names(count, [&](size_t i) { return dead_letters_error_code(batch->messages[indexes[i]]); }),
        array_of_shown_text(batch, count, [&](size_t i) { return batch->messages[indexes[i]].error_text; }),
    };
    statement_execute(&update_errors, values, nullptr, SPI_OK_UPDATE);
    retry->remaining += static_cast<int64_t>(count);
}

// As many of the letters as go into one batch.
size_t count_at_once(const Letter *letters, size_t left) {
    size_t count = 1;
    for (int64_t bytes = letters[0].bytes; count < left; count++)
        if ((bytes += letters[count].bytes) > bytes_at_once)
            break;
    return count;
}

void retry_batch(Retry *retry, size_t count) {
    MemoryContextReset(retry->context);
    MemoryContext before = MemoryContextSwitchTo(retry->context);
    retry->batch->clear();
    decode_letters(retry, count);
    if (!batch_seal(retry->batch))
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
    // users' triggers on readings and dead letters run as they do in a worker
    ActingRole before_storing;
    role_enter(&before_storing);
    resolve(retry, store_batch(retry->batch, nullptr, true));
    note_errors(retry);
    role_leave(before_storing);
    MemoryContextSwitchTo(before);
}

bool retry_some(Retry *retry) {
    size_t locked = lock_letters(retry);
    for (size_t first = 0, count; first < locked; first += count) {
        CHECK_FOR_INTERRUPTS();
        retry->letters = retry->locked + first;
        count = count_at_once(retry->letters, locked - first);
        retry_batch(retry, count);
    }
    return locked > 0;
}

// {"INVALID_JSON": 3}
Datum errors_as_jsonb(HTAB *errors) {
    StringInfoData text;
    initStringInfo(&text);
    HASH_SEQ_STATUS scan;
    hash_seq_init(&scan, errors);
    while (const auto *error = static_cast<const ErrorCount *>(hash_seq_search(&scan))) {
        appendStringInfoString(&text, text.len == 0 ? "{" : ",");
        escape_json(&text, error->code);
        appendStringInfo(&text, ":%lld", static_cast<long long>(error->remaining));
    }
    appendStringInfoString(&text, text.len == 0 ? "{}" : "}");
    return DirectFunctionCall1(jsonb_in, CStringGetDatum(text.data));
}

void prepare(Retry *retry, FunctionCallInfo arguments) {
    retry_filters_check(arguments->args);
    for (int i = 0; i < retry_filters; i++) {
        retry->nulls[i] = arguments->args[i].isnull ? 'n' : ' ';
        retry->values[i] = arguments->args[i].value;
    }
    retry->nulls[retry_filters] = retry->nulls[retry_filters + 1] = ' ';
    retry->values[retry_filters] = Int64GetDatum(0);
    retry->values[retry_filters + 1] = Int32GetDatum(letters_at_once);
    retry->context = AllocSetContextCreate(CurrentMemoryContext, "heartbeat retry", ALLOCSET_DEFAULT_SIZES);
    retry->adjustments = counter_adjustments_create();
    HASHCTL control = {};
    control.keysize = sizeof(ErrorCount::code);
    control.entrysize = sizeof(ErrorCount);
    control.hcxt = CurrentMemoryContext;
    retry->errors = hash_create("heartbeat errors", 16, &control, HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
    retry->batch = batch_create(letters_at_once, bytes_at_once);
    if (retry->batch == nullptr)
        ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
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
    prepare(retry, fcinfo);
    MemoryContext before = CurrentMemoryContext; // the answer outlives SPI's connection
    int level = log_redaction_hide_for_now();
    SPI_connect();
    PG_TRY();
    {
        while (retry_some(retry)) {
        }
        // last, so that ingest does not wait while letters are being stored
        if (retry->resolved > 0)
            counter_adjustments_apply(retry->adjustments);
    }
    PG_FINALLY();
    batch_destroy(retry->batch);
    PG_END_TRY();
    MemoryContextSwitchTo(before);
    Datum values[3] = {Int64GetDatum(retry->resolved), Int64GetDatum(retry->remaining),
                       errors_as_jsonb(retry->errors)};
    if (retry->resolved + retry->remaining > 0) {
        statement_execute(&build_details, values, nullptr, SPI_OK_SELECT);
        Datum details = statement_value(0, 1, JSONBOID);
        events_record("retry", nullptr, details, GetCurrentTimestamp());
    }
    SPI_finish();
    log_redaction_show(level);
    if (retry->resolved > 0)
        commit_hooks_wake();
    bool nulls[3] = {};
    PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(description), values, nulls)));
}
