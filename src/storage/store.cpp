// Storage wing: a batch becomes rows of heartbeat_records, heartbeat_anomalies and heartbeat_stale_minutes.
#include "server.h"

#include "storage/announce.h"
#include "storage/arrays.h"
#include "storage/dead_letters.h"
#include "storage/sql.h"
#include "storage/store.h"
#include "storage/subtransaction.h"

namespace heartbeat {

namespace {

Statement insert_records = {
    "INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp)"
    " SELECT * FROM unnest($1, $2, $3)",
    3,
    {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement insert_new_records = {
    "INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp)"
    " SELECT * FROM unnest($1, $2, $3)"
    " ON CONFLICT DO NOTHING RETURNING customer_id, event_timestamp",
    3,
    {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement insert_new_anomalies = {
    "INSERT INTO @extschema@.heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)"
    " SELECT * FROM unnest($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING RETURNING customer_id, event_timestamp",
    4,
    {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID},
    0,
    nullptr};

Statement insert_stale_minutes = {
    "INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket) SELECT * FROM unnest($1)",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

// Below this, ON CONFLICT costs less than the subtransaction that a plain insert needs.
constexpr size_t plain_insert_min = 256;

// A batch met rows that were stored already, so the next one probably will: a replay. Cleared by one that
// does not.
bool replaying = false;

// Readings of one table, in key order: which, and whether they were stored.
struct Rows {
    Batch *batch;
    uint32_t *indexes;
    size_t count;
    bool *stored;
    bool anomalies;

    const BatchMessage &at(size_t i) const { return batch->messages[indexes[i]]; }
};

void fill_columns(const Rows &rows, Datum *columns) {
    columns[0] = array_of_text(rows.batch, rows.count, [&](size_t i) { return rows.at(i).customer_id; });
    columns[1] =
        array_of_fixed<double>(rows.count, FLOAT8OID, [&](size_t i) { return rows.at(i).heart_rate; });
    columns[2] = array_of_timestamptz(rows.count, [&](size_t i) { return rows.at(i).event_time; });
    if (rows.anomalies)
        columns[3] =
            array_of_names(rows.count, [&](size_t i) { return classify_name(rows.at(i).heart_rate_class); });
}

bool is_row(const Rows &rows, size_t i, Datum customer_id, TimestampTz event_timestamp) {
    if (to_timestamptz(rows.at(i).event_time) != event_timestamp)
        return false;
    text *returned = DatumGetTextPP(customer_id);
    int size;
    const char *own = array_server_text(rows.batch, rows.at(i).customer_id, &size);
    return static_cast<int>(VARSIZE_ANY_EXHDR(returned)) == size &&
           memcmp(VARDATA_ANY(returned), own, size) == 0;
}

// Inserting keeps the order of the rows, so what was returned is a subsequence of what was given.
void insert_where_new(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    Datum columns[4];
    fill_columns(*rows, columns);
    uint64_t stored = statement_execute(rows->anomalies ? &insert_new_anomalies : &insert_new_records,
                                        columns, nullptr, SPI_OK_INSERT_RETURNING);
    memset(rows->stored, false, rows->count);
    size_t i = 0;
    for (uint64_t r = 0; r < stored; r++) {
        HeapTuple tuple = SPI_tuptable->vals[r];
        bool null;
        Datum customer_id = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &null);
        TimestampTz event = DatumGetTimestampTz(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &null));
        while (i < rows->count && !is_row(*rows, i, customer_id, event))
            i++;
        if (i == rows->count)
            elog(ERROR,
                 "a stored reading is not the one that was to be stored: a trigger has changed its key");
        rows->stored[i++] = true;
    }
    SPI_freetuptable(SPI_tuptable);
}

void insert_plainly(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    Datum columns[4];
    fill_columns(*rows, columns);
    statement_execute(&insert_records, columns, nullptr, SPI_OK_INSERT);
    memset(rows->stored, true, rows->count);
}

bool is_unique_violation(const ErrorData *error) {
    return error->sqlerrcode == ERRCODE_UNIQUE_VIOLATION;
}

// Since offsets keep Kafka from delivering twice, a conflict is rare: the plain insert, which costs two
// thirds of ON CONFLICT, is tried first.
void store_records(Rows *rows) {
    CaughtError conflict;
    if (rows->count >= plain_insert_min && !replaying &&
        subtransaction_try(insert_plainly, rows, is_unique_violation, &conflict))
        return;
    insert_where_new(rows);
    replaying = !std::all_of(rows->stored, rows->stored + rows->count, [](bool stored) { return stored; });
}

// By halves, down to the rows that the database refuses. Returns how many of the rows are left, moved to the
// front.
size_t store_isolated(Rows rows) {
    CaughtError refusal;
    if (rows.count == 0 || subtransaction_try(insert_where_new, &rows, subtransaction_is_row_error, &refusal))
        return rows.count;
    if (rows.count == 1) {
        if (!batch_reject(rows.batch, rows.indexes[0], refusal.sqlstate, refusal.message))
            ereport(ERROR, (errcode(ERRCODE_OUT_OF_MEMORY), errmsg("out of memory")));
        return 0;
    }
    size_t half = rows.count / 2;
    size_t left = store_isolated({rows.batch, rows.indexes, half, rows.stored, rows.anomalies});
    size_t right = store_isolated(
        {rows.batch, rows.indexes + half, rows.count - half, rows.stored + half, rows.anomalies});
    std::copy(rows.indexes + half, rows.indexes + half + right, rows.indexes + left);
    std::copy(rows.stored + half, rows.stored + half + right, rows.stored + left);
    return left + right;
}

void count_rows(const Rows &rows, PartitionCounts *counts) {
    for (size_t i = 0; i < rows.count; i++) {
        const BatchMessage &message = rows.at(i);
        PartitionCounts &partition = counts[message.partition_index];
        if (rows.stored[i])
            partition.stored[static_cast<int>(message.heart_rate_class)]++;
        else
            partition.duplicates++;
    }
}

void store_minutes(const Batch *batch) {
    Datum minutes = array_of_timestamptz(batch->minutes.size(), [&](size_t i) { return batch->minutes[i]; });
    statement_execute(&insert_stale_minutes, &minutes, nullptr, SPI_OK_INSERT);
}

// Stores the readings of one list; takes those off it that were refused.
Rows store_list(Batch *batch, std::vector<uint32_t> &indexes, bool anomalies, bool isolate,
                PartitionCounts *counts) {
    Rows rows = {batch, indexes.data(), indexes.size(), nullptr, anomalies};
    rows.stored = static_cast<bool *>(palloc0(rows.count + 1));
    if (isolate) {
        rows.count = store_isolated(rows);
        indexes.resize(rows.count);
    } else if (rows.count > 0) {
        anomalies ? insert_where_new(&rows) : store_records(&rows);
    }
    count_rows(rows, counts);
    return rows;
}

} // namespace

PartitionCounts *store_batch(Batch *batch, const char *topic, bool isolate) {
    auto *counts =
        static_cast<PartitionCounts *>(palloc0(sizeof(PartitionCounts) * batch->partitions.size()));
    for (const BatchMessage &message : batch->messages)
        counts[message.partition_index].duplicates += message.duplicate;
    store_list(batch, batch->records, false, isolate, counts);
    Rows anomalies = store_list(batch, batch->anomalies, true, isolate, counts);
    announce_anomalies(batch, anomalies.stored);
    if (topic != nullptr && !batch->dead_letters.empty())
        dead_letters_store(batch, topic, counts);
    if (!batch->minutes.empty())
        store_minutes(batch);
    return counts;
}

} // namespace heartbeat
