// Inserts readings into heartbeat_records or heartbeat_anomalies, and finds which readings were stored.
// row_inserts.cpp has the statements, and rows_compare.cpp compares the readings that were not inserted with
// the stored readings. store.cpp calls this file.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "store/row_inserts.h"
#include "store/rows.h"
#include "store/rows_compare.h"
#include "store/user_triggers.h"

namespace heartbeat {

namespace {

bool is_text(const Batch *batch, BatchBytes piece, Datum returned) {
    struct varlena *found = DatumGetTextPP(returned);
    int size;
    const char *own = array_server_text(batch, piece, &size);
    return static_cast<int>(VARSIZE_ANY_EXHDR(found)) == size &&
           memcmp(VARDATA_ANY(found), own, static_cast<size_t>(size)) == 0;
}

struct ReturnedRow {
    Datum customer_id;
    TimestampTz event_timestamp;
    Datum device_id;
};

bool is_row(const Rows &rows, size_t i, const ReturnedRow &returned) {
    const BatchReading &reading = rows.at(i);
    return to_timestamptz(reading.event_time) == returned.event_timestamp &&
           is_text(rows.batch, reading.customer_id, returned.customer_id) &&
           is_text(rows.batch, reading.device_id, returned.device_id);
}

// Inserts the rows with new keys. The INSERT returns each inserted row. This function finds the same row in
// `rows`, and sets its `stored`. `rows` and the returned rows are in the order of the keys, so the search
// begins at the last row that it found. If the database encoding is not UTF-8, the two orders can differ, so
// after the last row the search continues at the first row.
void insert_where_new(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    uint64_t stored = row_inserts_new(*rows);
    memset(rows->stored, false, rows->count);
    size_t i = 0;
    for (uint64_t r = 0; r < stored; r++) {
        ReturnedRow returned = {statement_value(r, 1, TEXTOID),
                                DatumGetTimestampTz(statement_value(r, 2, TIMESTAMPTZOID)),
                                statement_value(r, 4, TEXTOID)};
        size_t looked_at = 0;
        for (; looked_at < rows->count; looked_at++, i = (i + 1) % rows->count)
            if (!rows->stored[i] && is_row(*rows, i, returned))
                break;
        if (looked_at == rows->count)
            ereport(ERROR,
                    (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                     errmsg("a trigger has changed the customer, the time or the device of a reading"),
                     errhint("The customer, the time and the device identify a reading: heartbeat finds "
                             "duplicates by them.")));
        rows->take_stored(i, DatumGetFloat8(statement_value(r, 3, FLOAT8OID)));
    }
    SPI_freetuptable(SPI_tuptable);
}

} // namespace

void rows_insert_all(void *argument) {
    auto *rows = static_cast<Rows *>(argument);
    row_inserts_every(*rows);
    if (user_triggers_present()) // a trigger was created after the caller's check
        ereport(ERROR, (errcode(ERRCODE_TRIGGERED_DATA_CHANGE_VIOLATION),
                        errmsg("a trigger may have changed a reading")));
    for (size_t i = 0; i < rows->count; i++)
        rows->take_stored(i, rows->at(i).heart_rate);
}

// A row can be missing after the insert for two reasons: the table already had the key, or a user's index or
// trigger has prevented the insert. rows_compare() finds the reason.
void rows_insert_new(void *argument) {
    insert_where_new(argument);
    rows_compare(*static_cast<Rows *>(argument));
}

} // namespace heartbeat
