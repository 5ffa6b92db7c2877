// Inserts readings by statements, or by a bulk insert if bulk_insert_rows() accepts the table. A database of
// version 1.1 or 1.2 that was not updated yet has no column for the device. In these versions all messages
// have heartbeat's own layout, which has no field for a device.
#include "server/server.h"

#include "server/arrays.h"
#include "server/own_objects.h"
#include "server/statement.h"
#include "store/bulk_insert.h"
#include "store/offsets.h"
#include "store/row_inserts.h"
#include "store/tables.h"

extern "C" {
#include "access/table.h"
}

namespace heartbeat {

namespace {

constexpr Statement::Types record_types = {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID};
constexpr Statement::Types old_record_types = {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID};
constexpr Statement::Types anomaly_types = {TEXTARRAYOID, FLOAT8ARRAYOID, TIMESTAMPTZARRAYOID, TEXTARRAYOID,
                                            TEXTARRAYOID};
constexpr Statement::Types old_anomaly_types = record_types;

constexpr StatementPart device = {"@device@", R"sql(, device_id)sql"};
constexpr StatementPart no_device = {"@device@", R"sql()sql"};
constexpr StatementPart record_devices = {"@devices@", R"sql(, $4)sql"};
constexpr StatementPart anomaly_devices = {"@devices@", R"sql(, $5)sql"};
constexpr StatementPart no_devices = {"@devices@", R"sql()sql"};
constexpr StatementPart stored_device = {"@stored_device@", R"sql(device_id)sql"};
constexpr StatementPart empty_device = {"@stored_device@", R"sql(''::text)sql"};

constexpr const char *insert_records_sql = R"sql(
    INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp@device@)
    SELECT * FROM unnest($1, $2, $3@devices@))sql";
Statement insert_records = {record_types, {device, record_devices}, insert_records_sql};
Statement insert_old_records = {old_record_types, {no_device, no_devices}, insert_records_sql};

constexpr const char *insert_anomalies_sql = R"sql(
    INSERT INTO @extschema@.heartbeat_anomalies (
        customer_id, heart_rate, event_timestamp, anomaly_type@device@)
    SELECT * FROM unnest($1, $2, $3, $4@devices@))sql";
Statement insert_anomalies = {anomaly_types, {device, anomaly_devices}, insert_anomalies_sql};
Statement insert_old_anomalies = {old_anomaly_types, {no_device, no_devices}, insert_anomalies_sql};

constexpr const char *insert_new_records_sql = R"sql(
    WITH stored AS (
        INSERT INTO @extschema@.heartbeat_records (customer_id, heart_rate, event_timestamp@device@)
        SELECT * FROM unnest($1, $2, $3@devices@) ON CONFLICT DO NOTHING
        RETURNING customer_id, event_timestamp, heart_rate@device@)
    SELECT customer_id, event_timestamp, heart_rate, @stored_device@ FROM stored
    ORDER BY customer_id, event_timestamp@device@)sql";
Statement insert_new_records = {
    record_types, {device, record_devices, stored_device}, insert_new_records_sql};
Statement insert_new_old_records = {
    old_record_types, {no_device, no_devices, empty_device}, insert_new_records_sql};

constexpr const char *insert_new_anomalies_sql = R"sql(
    WITH stored AS (
        INSERT INTO @extschema@.heartbeat_anomalies (
            customer_id, heart_rate, event_timestamp, anomaly_type@device@)
        SELECT * FROM unnest($1, $2, $3, $4@devices@) ON CONFLICT DO NOTHING
        RETURNING customer_id, event_timestamp, heart_rate@device@)
    SELECT customer_id, event_timestamp, heart_rate, @stored_device@ FROM stored
    ORDER BY customer_id, event_timestamp@device@)sql";
Statement insert_new_anomalies = {
    anomaly_types, {device, anomaly_devices, stored_device}, insert_new_anomalies_sql};
Statement insert_new_old_anomalies = {
    old_anomaly_types, {no_device, no_devices, empty_device}, insert_new_anomalies_sql};

Statement *choose(bool anomalies, Statement *const (&statements)[4]) {
    return statements[(anomalies ? 1 : 0) + (offsets_have_sources() ? 0 : 2)];
}

Datum text_of(const Batch *batch, BatchBytes piece) {
    int size;
    const char *text = array_server_text(batch, piece, &size);
    return PointerGetDatum(cstring_to_text_with_len(text, size));
}

// The customer or the device of the previous row, as a text. The next row usually has the same customer and
// the same device. take() then returns the same text again, and makes no copy.
struct LastText {
    BatchBytes piece = {0, -1};
    Datum text = 0;

    Datum take(const Batch *batch, BatchBytes next) {
        if (piece.position != next.position || piece.size != next.size) {
            piece = next;
            text = text_of(batch, next);
        }
        return text;
    }
};

struct RowSource {
    const Rows *rows;
    LastText customer_id;
    LastText device_id;
};

void put_row(void *argument, size_t i, Datum *values) {
    auto *source = static_cast<RowSource *>(argument);
    const Rows &rows = *source->rows;
    const BatchReading &reading = rows.at(i);
    values[0] = source->customer_id.take(rows.batch, reading.customer_id);
    values[1] = Float8GetDatum(reading.heart_rate);
    values[2] = TimestampTzGetDatum(to_timestamptz(reading.event_time));
    Datum *next = values + 3;
    if (rows.anomalies)
        *next++ = CStringGetTextDatum(heart_rate_class_name(reading.heart_rate_class));
    *next = source->device_id.take(rows.batch, reading.device_id);
}

// Stores all rows by a bulk insert. If INSERT could have another result than the bulk insert, stores nothing
// and returns false. While the function waits for the lock of the table, another transaction may change the
// table layout. So the function asks for the table layout only after it has locked the table.
bool load_all(const Rows &rows) {
    Relation table =
        own_table_open(rows.anomalies ? "heartbeat_anomalies" : "heartbeat_records", RowExclusiveLock);
    const char *next = rows.anomalies ? "anomaly_type" : "device_id";
    RowSource source = {&rows, {}, {}};
    bool loaded =
        tables_layout().bulk_insert && offsets_have_sources() &&
        bulk_insert_rows(table, {rows.count,
                                 rows.anomalies ? 5 : 4,
                                 {"customer_id", "heart_rate", "event_timestamp", next, "device_id"},
                                 {TEXTOID, FLOAT8OID, TIMESTAMPTZOID, TEXTOID, TEXTOID},
                                 put_row,
                                 &source});
    table_close(table, NoLock);
    return loaded;
}

uint64_t insert_all(const Rows &rows) {
    Datum columns[row_columns_max];
    row_inserts_columns(rows, columns);
    return statement_execute(choose(rows.anomalies, {&insert_records, &insert_anomalies, &insert_old_records,
                                                     &insert_old_anomalies}),
                             columns, nullptr, SPI_OK_INSERT);
}

} // namespace

void row_inserts_columns(const Rows &rows, Datum *columns) {
    columns[0] = array_of_text(rows.batch, rows.count, [&](size_t i) { return rows.at(i).customer_id; });
    columns[1] =
        array_of_fixed<double>(rows.count, FLOAT8OID, [&](size_t i) { return rows.at(i).heart_rate; });
    columns[2] = array_of_timestamptz(rows.count, [&](size_t i) { return rows.at(i).event_time; });
    Datum *next = columns + 3;
    if (rows.anomalies)
        *next++ = array_of_names(
            rows.count, [&](size_t i) { return heart_rate_class_name(rows.at(i).heart_rate_class); });
    *next = array_of_text(rows.batch, rows.count, [&](size_t i) { return rows.at(i).device_id; });
}

uint64_t row_inserts_new(const Rows &rows) {
    Datum columns[row_columns_max];
    row_inserts_columns(rows, columns);
    return statement_execute(choose(rows.anomalies, {&insert_new_records, &insert_new_anomalies,
                                                     &insert_new_old_records, &insert_new_old_anomalies}),
                             columns, nullptr, SPI_OK_SELECT);
}

void row_inserts_every(const Rows &rows) {
    if (!load_all(rows) && insert_all(rows) != rows.count)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a trigger prevented the insert of a reading without an error")));
}

} // namespace heartbeat
