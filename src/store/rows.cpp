// Inserts readings into heartbeat_records or heartbeat_anomalies, and finds which of them were stored. It
// uses a bulk insert if bulk_insert_rows() accepts the table. Otherwise it uses INSERT. store.cpp calls it.
#include "server/server.h"

#include "server/arrays.h"
#include "server/extension.h"
#include "server/statement.h"
#include "store/bulk_insert.h"
#include "store/rows.h"
#include "store/tables.h"
#include "store/user_triggers.h"

extern "C" {
#include "access/table.h"
}

namespace heartbeat {

namespace {

Statement insert_records = {{TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp)
    SELECT * FROM unnest($1, $2, $3))sql"};

Statement insert_anomalies = {{TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID}, R"sql(
    INSERT INTO @extschema@.heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    SELECT * FROM unnest($1, $2, $3, $4))sql"};

Statement insert_new_records = {{TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID}, R"sql(
    WITH stored AS (
        INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp)
        SELECT * FROM unnest($1, $2, $3) ON CONFLICT DO NOTHING
        RETURNING customer_id, event_timestamp, heart_rate)
    SELECT customer_id, event_timestamp, heart_rate FROM stored
    ORDER BY customer_id, event_timestamp)sql"};

Statement insert_new_anomalies = {{TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID}, R"sql(
    WITH stored AS (
        INSERT INTO @extschema@.heartbeat_anomalies (
            customer_id, heart_rate, event_timestamp, anomaly_type)
        SELECT * FROM unnest($1, $2, $3, $4) ON CONFLICT DO NOTHING
        RETURNING customer_id, event_timestamp, heart_rate)
    SELECT customer_id, event_timestamp, heart_rate FROM stored
    ORDER BY customer_id, event_timestamp)sql"};

void fill_columns(const Rows &rows, Datum *columns) {
    columns[0] = array_of_text(rows.batch, rows.count, [&](size_t i) { return rows.at(i).customer_id; });
    columns[1] =
        array_of_fixed<double>(rows.count, FLOAT8OID, [&](size_t i) { return rows.at(i).heart_rate; });
    columns[2] = array_of_timestamptz(rows.count, [&](size_t i) { return rows.at(i).event_time; });
    if (rows.anomalies)
        columns[3] = array_of_names(
            rows.count, [&](size_t i) { return heart_rate_class_name(rows.at(i).heart_rate_class); });
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

// Inserts the rows with new keys. Then it finds each returned row among the given rows. Both lists are in the
// order of the keys, so usually the next given row matches. If the server's encoding sorts in another order
// than Unicode, the search starts again from the beginning.
void insert_where_new(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    Datum columns[4];
    fill_columns(*rows, columns);
    uint64_t stored = statement_execute(rows->anomalies ? &insert_new_anomalies : &insert_new_records,
                                        columns, nullptr, SPI_OK_SELECT);
    memset(rows->stored, false, rows->count);
    size_t i = 0;
    for (uint64_t r = 0; r < stored; r++) {
        Datum customer_id = statement_value(r, 1, TEXTOID);
        TimestampTz event = DatumGetTimestampTz(statement_value(r, 2, TIMESTAMPTZOID));
        size_t looked_at = 0;
        for (; looked_at < rows->count; looked_at++, i = (i + 1) % rows->count)
            if (!rows->stored[i] && is_row(*rows, i, customer_id, event))
                break;
        if (looked_at == rows->count)
            ereport(
                ERROR,
                (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                 errmsg("a trigger has changed the customer or the time of a reading"),
                 errhint(
                     "The customer and the time identify a reading: heartbeat finds duplicates by them.")));
        rows->stored[i] = true;
        rows->heart_rates[i] = DatumGetFloat8(statement_value(r, 3, FLOAT8OID));
    }
    SPI_freetuptable(SPI_tuptable);
}

void put_row(const void *argument, size_t i, Datum *values) {
    const auto &rows = *static_cast<const Rows *>(argument);
    const BatchReading &reading = rows.at(i);
    int size;
    const char *customer_id = array_server_text(rows.batch, reading.customer_id, &size);
    values[0] = PointerGetDatum(cstring_to_text_with_len(customer_id, size));
    values[1] = Float8GetDatum(reading.heart_rate);
    values[2] = TimestampTzGetDatum(to_timestamptz(reading.event_time));
    if (rows.anomalies)
        values[3] = CStringGetTextDatum(heart_rate_class_name(reading.heart_rate_class));
}

// Stores all rows by a bulk insert. Returns false and stores nothing if the result could differ from the
// result of INSERT. It calls tables_layout() only after it has locked the table, because another transaction
// can change the table layout while this function waits for the lock.
bool load_all(const Rows &rows) {
    Relation table =
        extension_table_open(rows.anomalies ? "heartbeat_anomalies" : "heartbeat_records", RowExclusiveLock);
    bool loaded = tables_layout().bulk_insert &&
                  bulk_insert_rows(table, {rows.count,
                                           rows.anomalies ? 4 : 3,
                                           {"customer_id", "heart_rate", "event_timestamp", "anomaly_type"},
                                           {TEXTOID, FLOAT8OID, TIMESTAMPTZOID, TEXTOID},
                                           put_row,
                                           &rows});
    table_close(table, NoLock);
    return loaded;
}

uint64_t insert_all(const Rows &rows) {
    Datum columns[4];
    fill_columns(rows, columns);
    return statement_execute(rows.anomalies ? &insert_anomalies : &insert_records, columns, nullptr,
                             SPI_OK_INSERT);
}

void insert_every(const Rows &rows) {
    if (!load_all(rows) && insert_all(rows) != rows.count)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a trigger prevented the insert of a reading without an error")));
}

// Raises an error if a row was not stored although the table does not have its key. It inserts the first such
// row once more, alone, because the error of the server then tells the cause. It does not have to find the
// other such rows. After an error the worker stores the batch again by halves, and so finds all of them.
void refuse_kept_out(const Rows &rows) {
    Rows left = {rows.batch, static_cast<uint32_t *>(palloc(sizeof(uint32_t) * rows.count)),
                 0,          nullptr,
                 nullptr,    rows.anomalies};
    for (size_t i = 0; i < rows.count; i++)
        if (!rows.stored[i])
            left.indexes[left.count++] = rows.indexes[i];
    if (left.count == 0)
        return;
    Datum columns[4];
    fill_columns(left, columns);
    Datum keys[2] = {columns[0], columns[2]};
    if (tables_layout().select_missing(rows.anomalies, keys) == 0)
        return;
    int32_t place = statement_int4(0, 1);
    insert_every({rows.batch, left.indexes + place, 1, nullptr, nullptr, rows.anomalies});
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("a reading could not be inserted at first, and was inserted at a second attempt"),
                    errdetail("The worker tries the batch again.")));
}

} // namespace

void rows_insert_all(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    insert_every(*rows);
    if (user_triggers_present()) // a trigger was created after the caller's check
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a trigger may have changed a reading")));
    for (size_t i = 0; i < rows->count; i++)
        rows->heart_rates[i] = rows->at(i).heart_rate;
    memset(rows->stored, true, rows->count);
}

// Without user-defined triggers and indexes, only the primary key can keep a row out. Then each row that was
// not stored is a duplicate, and no check is needed.
void rows_insert_new(void *argument) {
    insert_where_new(argument);
    if (user_triggers_present())
        refuse_kept_out(*static_cast<Rows *>(argument));
}

} // namespace heartbeat
