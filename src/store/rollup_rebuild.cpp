// Makes the rollup rows of marked minutes again. Readings are stored in the order of their arrival, and their
// BRIN index has the times of ranges of pages. So one search reads all minutes of an hour together. Each hour
// is a search of its own, in the table partition of its week.
#include "server/server.h"

#include "server/statement.h"
#include "store/distributed_rollup.h"
#include "store/rollup_rebuild.h"

namespace heartbeat {

namespace {

Statement delete_marks = {"DELETE FROM @extschema@.heartbeat_stale_minutes WHERE minute_bucket = ANY ($1)",
                          1,
                          {TIMESTAMPTZARRAYOID},
                          0,
                          nullptr};

// The pending rows of these minutes are in the readings that this snapshot sees, so they are removed.
Statement delete_pending = {"DELETE FROM @extschema@.heartbeat_rollup_pending WHERE minute_bucket = ANY ($1)",
                            1,
                            {TIMESTAMPTZARRAYOID},
                            0,
                            nullptr};

Statement delete_rollup = {"DELETE FROM @extschema@.heartbeat_rollup r USING unnest($1) AS m (minute_bucket)"
                           " WHERE r.minute_bucket = m.minute_bucket",
                           1,
                           {TIMESTAMPTZARRAYOID},
                           0,
                           nullptr};

// The minute of a reading. date_bin() has an error in some minor releases of PostgreSQL, such as 16.2: it
// puts a full minute that is before its origin into the previous minute. Such times occur: a device whose
// clock was reset sends 1970-01-01 00:00:00.
#define MINUTE_OF_READING                                                                                    \
    "CASE WHEN r.event_timestamp < '2000-01-01Z' THEN date_trunc('minute', r.event_timestamp, 'UTC')"        \
    " ELSE date_bin('1 minute', r.event_timestamp, '2000-01-01Z') END"

#define HOURS                                                                                                \
    "(SELECT array_agg(m.m) AS minutes, min(m.m) AS first, max(m.m) AS last FROM unnest($1) AS m (m)"        \
    " GROUP BY date_trunc('hour', m.m, 'UTC')) h"

Statement insert_rollup = {
    "INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)"
    " SELECT s.minute_bucket, s.customer_id, s.sum_bpm, s.reading_count FROM " HOURS " CROSS JOIN LATERAL"
    " (SELECT " MINUTE_OF_READING " AS minute_bucket, r.customer_id, sum(r.heart_rate) AS sum_bpm,"
    " count(*) AS reading_count FROM @extschema@.heartbeat_records r"
    " WHERE r.event_timestamp >= h.first AND r.event_timestamp < h.last + interval '1 minute'"
    " AND " MINUTE_OF_READING " = ANY (h.minutes) GROUP BY 1, 2) s ORDER BY 1, 2",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement select_customers = {
    "SELECT array_agg(c.customer_id) FROM (SELECT r.customer_id FROM unnest($1) AS m (minute_bucket)"
    " CROSS JOIN LATERAL (SELECT i.customer_id FROM @extschema@.heartbeat_rollup i"
    " WHERE i.minute_bucket = m.minute_bucket OFFSET 0) r"
    " UNION SELECT a.customer_id FROM " HOURS " CROSS JOIN LATERAL"
    " (SELECT i.customer_id FROM @extschema@.heartbeat_anomalies i WHERE i.event_timestamp >= h.first"
    " AND i.event_timestamp < h.last + interval '1 minute' OFFSET 0) a) c",
    1,
    {TIMESTAMPTZARRAYOID},
    0,
    nullptr};

Statement delete_rollup_on_nodes = {"DELETE FROM @extschema@.heartbeat_rollup WHERE minute_bucket = ANY ($1)",
                                    1,
                                    {TIMESTAMPTZARRAYOID},
                                    0,
                                    nullptr};

Statement insert_rollup_on_nodes = {
    "INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)"
    " SELECT " MINUTE_OF_READING " AS minute_bucket, r.customer_id,"
    " sum(r.heart_rate), count(*) FROM @extschema@.heartbeat_records r"
    " WHERE r.event_timestamp >= $2 AND r.event_timestamp < $3 + interval '1 minute'"
    " AND " MINUTE_OF_READING " = ANY ($1)"
    " GROUP BY 1, 2 ORDER BY 1, 2",
    3,
    {TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    0,
    nullptr};

Statement select_customers_on_nodes = {
    "SELECT array_agg(s.customer_id) FROM"
    " (SELECT r.customer_id FROM @extschema@.heartbeat_rollup r WHERE r.minute_bucket = ANY ($1)"
    " UNION SELECT a.customer_id FROM @extschema@.heartbeat_anomalies a"
    " WHERE a.event_timestamp >= $2 AND a.event_timestamp < $3 + interval '1 minute') s",
    3,
    {TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID},
    0,
    nullptr};

int64_t execute(Statement *delete_old, Statement *insert, Statement *customers, const Datum *minutes) {
    uint64_t removed = statement_execute(&delete_marks, minutes, nullptr, SPI_OK_DELETE) +
                       statement_execute(&delete_pending, minutes, nullptr, SPI_OK_DELETE);
    statement_execute(delete_old, minutes, nullptr, SPI_OK_DELETE);
    statement_execute(insert, minutes, nullptr, SPI_OK_INSERT);
    statement_execute(customers, minutes, nullptr, SPI_OK_SELECT);
    bool nobody;
    Datum met = statement_value(0, 1, TEXTARRAYOID, &nobody);
    if (!nobody)
        rollup_distributed_customers(met);
    return static_cast<int64_t>(removed);
}

} // namespace

int64_t rebuild(Datum minutes) {
    return execute(&delete_rollup, &insert_rollup, &select_customers, &minutes);
}

int64_t rollup_rebuild_on_nodes(const Datum *minutes) {
    return execute(&delete_rollup_on_nodes, &insert_rollup_on_nodes, &select_customers_on_nodes, minutes);
}

} // namespace heartbeat
