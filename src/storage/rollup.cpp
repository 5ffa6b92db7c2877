// Storage wing: the rollup. One snapshot (REPEATABLE READ) reads the marks and the readings they stand for,
// so the marks that go are exactly those whose readings the new rows hold; ingest goes on meanwhile. The lock
// on heartbeat_records keeps rows from being moved to new partitions, where an older snapshot would miss
// them.
#include "server.h"

#include "storage/arrays.h"
#include "storage/rollup.h"
#include "storage/sql.h"

extern "C" {
#include "access/xact.h"
}

namespace heartbeat {

namespace {

// Summaries of the blocks that are new in the readings' BRIN indexes, without which a query on time reads all
// of them.
Statement summarize = {"SELECT @extschema@.heartbeat_summarize_partitions()", 0, {}, 0, nullptr};

// Bounded, so that a transaction stays short after a backlog.
Statement select_quiet_minutes = {
    "SELECT array_agg(minute_bucket) FROM (SELECT minute_bucket FROM @extschema@.heartbeat_stale_minutes"
    " GROUP BY minute_bucket HAVING max(marked_at) < now() - $1 * interval '1 millisecond'"
    " ORDER BY minute_bucket LIMIT 60) quiet",
    1,
    {INT8OID},
    0,
    nullptr};

Statement delete_marks = {"DELETE FROM @extschema@.heartbeat_stale_minutes WHERE minute_bucket = ANY ($1)",
                          1,
                          {TIMESTAMPTZARRAYOID},
                          0,
                          nullptr};

Statement delete_rollup = {"DELETE FROM @extschema@.heartbeat_rollup WHERE minute_bucket = ANY ($1)",
                           1,
                           {TIMESTAMPTZARRAYOID},
                           0,
                           nullptr};

Statement insert_rollup = {
    "INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, avg_bpm, reading_count)"
    " SELECT m.minute_bucket, r.customer_id, avg(r.heart_rate), count(*) FROM unnest($1) AS m (minute_bucket)"
    " JOIN @extschema@.heartbeat_records r ON r.event_timestamp >= m.minute_bucket"
    " AND r.event_timestamp < m.minute_bucket + interval '1 minute' GROUP BY m.minute_bucket, r.customer_id",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement insert_customers = {
    "INSERT INTO @extschema@.heartbeat_customers (customer_id)"
    " SELECT r.customer_id FROM unnest($1) AS m (minute_bucket)"
    " JOIN @extschema@.heartbeat_records r ON r.event_timestamp >= m.minute_bucket"
    " AND r.event_timestamp < m.minute_bucket + interval '1 minute'"
    " UNION SELECT a.customer_id FROM unnest($1) AS m (minute_bucket)"
    " JOIN @extschema@.heartbeat_anomalies a ON a.event_timestamp >= m.minute_bucket"
    " AND a.event_timestamp < m.minute_bucket + interval '1 minute'"
    " ON CONFLICT DO NOTHING",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement select_marks = {
    "SELECT EXISTS (SELECT FROM @extschema@.heartbeat_stale_minutes)", 0, {}, 0, nullptr};

bool first_value(Datum *value) {
    bool null;
    *value = SPI_getbinval(SPI_tuptable->vals[0], SPI_tuptable->tupdesc, 1, &null);
    return !null;
}

} // namespace

void rollup_summarize() {
    Extension extension;
    if (!transaction_begin(&extension, XACT_READ_COMMITTED))
        return;
    statement_execute(&summarize, nullptr, nullptr, SPI_OK_SELECT);
    transaction_commit();
}

bool rollup_run() {
    Extension extension;
    for (;;) {
        if (!transaction_begin(&extension, XACT_REPEATABLE_READ, "heartbeat_records"))
            return false;
        Datum quiet = Int64GetDatum(rollup_quiet_ms), minutes;
        statement_execute(&select_quiet_minutes, &quiet, nullptr, SPI_OK_SELECT);
        bool found = first_value(&minutes);
        if (found) {
            statement_execute(&delete_marks, &minutes, nullptr, SPI_OK_DELETE);
            statement_execute(&delete_rollup, &minutes, nullptr, SPI_OK_DELETE);
            statement_execute(&insert_rollup, &minutes, nullptr, SPI_OK_INSERT);
            statement_execute(&insert_customers, &minutes, nullptr, SPI_OK_INSERT);
        }
        Datum remain = BoolGetDatum(true);
        if (!found) {
            statement_execute(&select_marks, nullptr, nullptr, SPI_OK_SELECT);
            first_value(&remain);
        }
        transaction_commit();
        if (!found)
            return DatumGetBool(remain);
    }
}

} // namespace heartbeat
