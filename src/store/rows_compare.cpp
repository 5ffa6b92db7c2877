// Finds why a reading was not inserted. The key of a reading is its customer, time and device. The table can
// have the same reading, or a reading with the same key and another heart rate. If the table has no reading
// with this key, a user's index or trigger has prevented the insert.
#include "server/server.h"

#include "server/statement.h"
#include "store/offsets.h"
#include "store/row_inserts.h"
#include "store/rows_compare.h"
#include "store/tables.h"
#include "store/user_triggers.h"

namespace heartbeat {

namespace {

// The rows that were not stored.
Rows rest_of(const Rows &rows) {
    Rows rest = {rows.batch, static_cast<uint32_t *>(palloc(sizeof(uint32_t) * (rows.count + 1))),
                 0,          nullptr,
                 nullptr,    rows.anomalies};
    for (size_t i = 0; i < rows.count; i++)
        if (!rows.stored[i])
            rest.indexes[rest.count++] = rows.indexes[i];
    return rest;
}

// Call this function if row `i` was not inserted, and the table does not have its key. The first INSERT has
// raised no error, so the cause is not known. This function inserts row `i` again, by a statement that raises
// an error with the cause. The worker then stores the batch by halves, and so finds all rows that a user's
// index or trigger refuses.
[[noreturn]] void refuse_kept_out(const Rows &rest, size_t i) {
    row_inserts_every({rest.batch, rest.indexes + i, 1, nullptr, nullptr, rest.anomalies});
    ereport(ERROR, (errcode(ERRCODE_T_R_SERIALIZATION_FAILURE),
                    errmsg("the first INSERT did not store a reading, and the second INSERT stored it"),
                    errdetail("The worker tries the batch again.")));
}

// The result of select_stored() for a row.
struct StoredRow {
    double heart_rate;
    bool same_device;
};

// If `comparable` is false, the reading counts as a duplicate, even if the two heart rates differ.
// `comparable` is false in two cases. First case: a user's trigger may have stored another heart rate than
// the message has. Second case: in a database of version 1.x, heartbeat_dead_letters has no column for
// readings in conflict.
void note(BatchReading *reading, const StoredRow &stored, bool comparable) {
    reading->other_device = !stored.same_device;
    reading->stored_heart_rate = stored.heart_rate;
    reading->conflict = comparable && (!stored.same_device || stored.heart_rate != reading->heart_rate);
    reading->duplicate = !reading->conflict;
}

} // namespace

void rows_compare(const Rows &rows) {
    Rows rest = rest_of(rows);
    if (rest.count == 0)
        return;
    bool comparable = offsets_have_sources() && !user_triggers_may_change();
    Datum columns[row_columns_max];
    row_inserts_columns(rest, columns);
    Datum keys[3] = {columns[0], columns[2], columns[rest.anomalies ? 4 : 3]};
    uint64_t found = tables_layout().select_stored(rest.anomalies, keys);
    statement_check_room(found, rest.count);
    // Column 1 of the result is an index in `rest`, and the result is in the order of this column. So if this
    // index is higher than `next`, the table does not have the key of row `next`.
    size_t next = 0;
    for (uint64_t r = 0; r < found; r++, next++) {
        if (static_cast<size_t>(statement_int4(r, 1)) != next)
            refuse_kept_out(rest, next);
        note(&rest.batch->readings[rest.indexes[next]],
             {DatumGetFloat8(statement_value(r, 2, FLOAT8OID)), statement_bool(r, 3)}, comparable);
    }
    if (next < rest.count)
        refuse_kept_out(rest, next);
    SPI_freetuptable(SPI_tuptable);
}

} // namespace heartbeat
