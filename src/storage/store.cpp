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
    3, {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID}, 0, nullptr};

Statement insert_new_records = {
    "INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp)"
    " SELECT * FROM unnest($1, $2, $3)"
    " ON CONFLICT DO NOTHING RETURNING customer_id, event_timestamp",
    3, {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID}, 0, nullptr};

Statement insert_new_anomalies = {
    "INSERT INTO @extschema@.heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)"
    " SELECT * FROM unnest($1, $2, $3, $4)"
    " ON CONFLICT DO NOTHING RETURNING customer_id, event_timestamp",
    4, {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID}, 0, nullptr};

Statement insert_stale_minutes = {
    "INSERT INTO @extschema@.heartbeat_stale_minutes (minute_bucket) SELECT * FROM unnest($1)",
    1, {TIMESTAMPTZARRAYOID}, 0, nullptr};

// Below this, ON CONFLICT costs less than the subtransaction that a plain insert needs.
constexpr size_t plain_insert_min = 256;

// A batch met rows that were stored already, so the next one probably will: a replay. Cleared by one that does not.
bool replaying = false;

// A list of readings with its columns as arrays, and which of them were stored.
struct Rows {
    const Batch *batch;
    const uint32_t *indexes;
    size_t count;
    Datum columns[4];
    bool *stored;

    const BatchMessage &at(size_t i) const { return batch->messages[indexes[i]]; }
};

Rows make_rows(const Batch *batch, const std::vector<uint32_t> &indexes) {
    Rows rows = {batch, indexes.data(), indexes.size(), {}, nullptr};
    rows.columns[0] = array_of_text(batch, rows.count, [&](size_t i) { return rows.at(i).customer_id; });
    rows.columns[1] =
        array_of_fixed<double>(rows.count, FLOAT8OID, [&](size_t i) { return rows.at(i).heart_rate; });
    rows.columns[2] = array_of_timestamptz(rows.count, [&](size_t i) { return rows.at(i).event_time; });
    rows.stored = static_cast<bool *>(palloc0(sizeof(bool) * rows.count));
    return rows;
}

bool is_row(const Rows &rows, size_t i, Datum customer_id, TimestampTz event_timestamp) {
    if (to_timestamptz(rows.at(i).event_time) != event_timestamp)
        return false;
    text *returned = DatumGetTextPP(customer_id);
    int size;
    const char *own = array_server_text(rows.batch, rows.at(i).customer_id, &size);
    return static_cast<int>(VARSIZE_ANY_EXHDR(returned)) == size && memcmp(VARDATA_ANY(returned), own, size) == 0;
}

// Inserting keeps the order of the rows, so what was returned is a subsequence of what was given.
uint64_t insert_where_new(Statement *statement, Rows &rows) {
    uint64_t stored = statement_execute(statement, rows.columns, nullptr, SPI_OK_INSERT_RETURNING);
    size_t i = 0;
    for (uint64_t r = 0; r < stored; r++) {
        HeapTuple tuple = SPI_tuptable->vals[r];
        bool null;
        Datum customer_id = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 1, &null);
        TimestampTz event = DatumGetTimestampTz(SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2, &null));
        while (i < rows.count && !is_row(rows, i, customer_id, event))
            i++;
        if (i == rows.count) // a trigger has changed the key of a row
            ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                            errmsg("a stored reading is not the one that was to be stored"),
                            errhint("A trigger must not change customer_id or event_timestamp.")));
        rows.stored[i++] = true;
    }
    SPI_freetuptable(SPI_tuptable);
    return stored;
}

void insert_plainly(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    statement_execute(&insert_records, rows->columns, nullptr, SPI_OK_INSERT);
}

// Since offsets keep Kafka from delivering twice, a conflict is rare: the plain insert, which costs two thirds of ON
// CONFLICT, is tried first.
void store_records(Rows &rows) {
    if (rows.count >= plain_insert_min && !replaying &&
        subtransaction_try(insert_plainly, &rows, ERRCODE_UNIQUE_VIOLATION)) {
        memset(rows.stored, true, rows.count);
        return;
    }
    uint64_t stored = insert_where_new(&insert_new_records, rows);
    replaying = stored < rows.count;
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

} // namespace

PartitionCounts *store_batch(const Batch *batch, const char *topic) {
    auto *counts = static_cast<PartitionCounts *>(palloc0(sizeof(PartitionCounts) * batch->partitions.size()));
    for (const BatchMessage &message : batch->messages)
        counts[message.partition_index].duplicates += message.duplicate;
    if (!batch->records.empty()) {
        Rows rows = make_rows(batch, batch->records);
        store_records(rows);
        count_rows(rows, counts);
    }
    if (!batch->anomalies.empty()) {
        Rows rows = make_rows(batch, batch->anomalies);
        rows.columns[3] =
            array_of_names(rows.count, [&](size_t i) { return classify_name(rows.at(i).heart_rate_class); });
        insert_where_new(&insert_new_anomalies, rows);
        count_rows(rows, counts);
        announce_anomalies(batch, rows.stored);
    }
    if (!batch->dead_letters.empty())
        dead_letters_store(batch, topic, counts);
    if (!batch->minutes.empty())
        store_minutes(batch);
    return counts;
}

} // namespace heartbeat
