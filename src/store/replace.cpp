// Replaces or removes one stored reading at a time. There are few conflicts, so one reading at a time is fast
// enough. In a table layout with several servers, each statement goes only to the server that has the
// customer. The tables' triggers on UPDATE and DELETE mark the minutes of changed readings. The maintenance
// worker then rebuilds the rollup of these minutes.
#include "server/server.h"

#include "decode/classify.h"
#include "server/arrays.h"
#include "server/statement.h"
#include "store/replace.h"

namespace heartbeat {

namespace {

constexpr Statement::Types key_types = {TEXTOID, TIMESTAMPTZOID, TEXTOID};
constexpr const char *lock_sql = R"sql(
    SELECT heart_rate FROM @extschema@.@table@
    WHERE customer_id = $1 AND event_timestamp = $2 AND device_id = $3
    FOR UPDATE)sql";
constexpr const char *delete_sql = R"sql(
    DELETE FROM @extschema@.@table@
    WHERE customer_id = $1 AND event_timestamp = $2 AND device_id = $3)sql";
constexpr StatementPart records = {"@table@", R"sql(heartbeat_records)sql"};
constexpr StatementPart anomalies = {"@table@", R"sql(heartbeat_anomalies)sql"};

Statement lock_record = {key_types, {records}, lock_sql};
Statement lock_anomaly = {key_types, {anomalies}, lock_sql};
Statement delete_record = {key_types, {records}, delete_sql};
Statement delete_anomaly = {key_types, {anomalies}, delete_sql};

Statement update_record = {{TEXTOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID}, R"sql(
    UPDATE @extschema@.heartbeat_records SET heart_rate = $4
    WHERE customer_id = $1 AND event_timestamp = $2 AND device_id = $3)sql"};
Statement update_anomaly = {{TEXTOID, TIMESTAMPTZOID, TEXTOID, FLOAT8OID, TEXTOID}, R"sql(
    UPDATE @extschema@.heartbeat_anomalies SET heart_rate = $4, anomaly_type = $5
    WHERE customer_id = $1 AND event_timestamp = $2 AND device_id = $3)sql"};

constexpr int values_max = 5;

bool is_record(const BatchReading &reading) {
    return reading.heart_rate_class == HeartRateClass::normal;
}

Datum text_of(const Batch *batch, BatchBytes piece) {
    int size;
    const char *text = array_server_text(batch, piece, &size);
    return PointerGetDatum(cstring_to_text_with_len(text, size));
}

void fill(const Batch *batch, const BatchReading &reading, Datum *values) {
    values[0] = text_of(batch, reading.customer_id);
    values[1] = TimestampTzGetDatum(to_timestamptz(reading.event_time));
    values[2] = text_of(batch, reading.device_id);
    values[3] = Float8GetDatum(reading.heart_rate);
    values[4] = CStringGetTextDatum(heart_rate_class_name(reading.heart_rate_class));
}

// Locks the row. Returns false if the row does not exist.
bool lock(Statement *statement, const Datum *values, HeartRateClass *stored) {
    bool found = statement_execute(statement, values, nullptr, SPI_OK_SELECT) > 0;
    if (found)
        *stored = classify_heart_rate(DatumGetFloat8(statement_value(0, 1, FLOAT8OID)));
    SPI_freetuptable(SPI_tuptable);
    return found;
}

void require_changed(uint64_t rows) {
    if (rows != 1)
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a trigger suppressed the change of a reading, and raised no error")));
}

} // namespace

bool replace_reading(const Batch *batch, const BatchReading &reading, Replaced *replaced) {
    Datum values[values_max];
    HeartRateClass stored;
    fill(batch, reading, values);
    if (!lock(is_record(reading) ? &lock_record : &lock_anomaly, values, &stored))
        return false;
    require_changed(statement_execute(is_record(reading) ? &update_record : &update_anomaly, values, nullptr,
                                      SPI_OK_UPDATE));
    replaced->stored[static_cast<int>(stored)]--;
    replaced->stored[static_cast<int>(reading.heart_rate_class)]++;
    return true;
}

void replace_remove_other(const Batch *batch, const BatchReading &reading, Replaced *replaced) {
    Datum values[values_max];
    HeartRateClass stored;
    fill(batch, reading, values);
    if (!lock(is_record(reading) ? &lock_anomaly : &lock_record, values, &stored))
        return;
    require_changed(statement_execute(is_record(reading) ? &delete_anomaly : &delete_record, values, nullptr,
                                      SPI_OK_DELETE));
    replaced->stored[static_cast<int>(stored)]--;
}

} // namespace heartbeat
