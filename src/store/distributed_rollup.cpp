// The fold of the rollup on a Citus cluster: it moves sums from heartbeat_rollup_pending to heartbeat_rollup.
// Citus accepts a statement only if the statement runs completely on the nodes, or completely on the
// coordinator. So the fold cannot be one statement, unlike in local_rollup.cpp. Instead, this process reads
// the rows from heartbeat_rollup_pending, and writes the sums to heartbeat_rollup. All rows of a customer are
// on one node. There, one transaction deletes the rows from heartbeat_rollup_pending and adds their sums to
// heartbeat_rollup. So a query finds each sum in exactly one of the two tables.
#include "server/server.h"

#include "server/arrays.h"
#include "server/statement.h"
#include "store/distributed_rollup.h"
#include "store/rollup_rebuild.h"
#include "store/rollup_sums.h"

namespace heartbeat {

namespace {

// A transaction must not fold too many rows. This file cannot select the rows by their ctid, as
// local_rollup.cpp does, because a ctid identifies a row only on one node. So this file selects whole
// minutes, until these minutes have rows_at_once rows or more.
constexpr int64_t rows_at_once = 100'000;

// Selects the newest minutes first, and at least one minute.
Statement select_minutes = {{INT8OID}, R"sql(
    SELECT array_agg(m.minute_bucket) FILTER (WHERE m.before < $1), count(*) FILTER (WHERE m.before >= $1)
    FROM (
        SELECT p.minute_bucket, sum(p.sums) OVER (ORDER BY p.minute_bucket DESC) - p.sums AS before
        FROM (
            SELECT minute_bucket, count(*) AS sums
            FROM @extschema@.heartbeat_rollup_pending GROUP BY minute_bucket) p) m)sql"};

Statement take = {{TIMESTAMPTZARRAYOID}, R"sql(
    WITH taken AS (
        DELETE FROM @extschema@.heartbeat_rollup_pending
        WHERE minute_bucket = ANY ($1)
        RETURNING minute_bucket, customer_id, sum_bpm, reading_count)
    SELECT array_agg(t.minute_bucket), array_agg(t.customer_id), array_agg(t.sum_bpm),
        array_agg(t.reading_count), array_agg(DISTINCT t.customer_id)
    FROM (
        SELECT minute_bucket, customer_id, sum(sum_bpm) AS sum_bpm,
            sum(reading_count)::bigint AS reading_count
        FROM taken GROUP BY minute_bucket, customer_id
        ORDER BY minute_bucket, customer_id) t)sql"};

Statement add = {
    {TIMESTAMPTZARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, INT8ARRAYOID}, {update_sums, insert_sums}, R"sql(
    WITH added AS (
        SELECT *
        FROM unnest($1, $2, $3, $4) AS a (minute_bucket, customer_id, sum_bpm, reading_count)
        WHERE a.reading_count > 0),
        updated AS (@update_sums@),
        new AS (@insert_sums@
            RETURNING 1)
    SELECT count(*) FROM new)sql"};

Statement delete_rollup = {{TIMESTAMPTZARRAYOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_rollup WHERE minute_bucket = ANY ($1))sql"};

Statement insert_rollup = {{TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, {minute_of_reading}, R"sql(
    INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)
    SELECT @minute_of_reading@ AS minute_bucket, r.customer_id, sum(r.heart_rate), count(*)
    FROM @extschema@.heartbeat_records r
    WHERE r.event_timestamp >= $2 AND r.event_timestamp < $3 + interval '1 minute'
        AND @minute_of_reading@ = ANY ($1)
    GROUP BY 1, 2
    ORDER BY 1, 2)sql"};

Statement select_customers = {{TIMESTAMPTZARRAYOID, TIMESTAMPTZOID, TIMESTAMPTZOID}, R"sql(
    SELECT array_agg(s.customer_id)
    FROM (
        SELECT r.customer_id FROM @extschema@.heartbeat_rollup r
        WHERE r.minute_bucket = ANY ($1)
        UNION SELECT a.customer_id FROM @extschema@.heartbeat_anomalies a
        WHERE a.event_timestamp >= $2 AND a.event_timestamp < $3 + interval '1 minute') s)sql"};

constexpr RebuildStatements rebuild = {&delete_rollup, &insert_rollup, &select_customers};

} // namespace

RollupFold distributed_rollup_fold() {
    constexpr Oid types[] = {TIMESTAMPTZARRAYOID, TEXTARRAYOID, FLOAT8ARRAYOID, INT8ARRAYOID};
    Datum limit = Int64GetDatum(rows_at_once);
    bool null;
    statement_execute(&select_minutes, &limit, nullptr, SPI_OK_SELECT);
    Datum minutes = statement_value(0, 1, TIMESTAMPTZARRAYOID, &null);
    if (null)
        return {false, 0};
    int64_t left = statement_int8(0, 2);
    statement_execute(&take, &minutes, nullptr, SPI_OK_SELECT);
    Datum sums[lengthof(types)];
    for (size_t i = 0; i < lengthof(types); i++) {
        sums[i] = statement_value(0, static_cast<int>(i) + 1, types[i], &null);
        if (null)
            return {false, 0};
    }
    Datum customers = statement_value(0, 5, TEXTARRAYOID);
    statement_execute(&add, sums, nullptr, SPI_OK_SELECT);
    rollup_add_customers(customers);
    // Return 0 removed rows, so that the maintenance worker does not vacuum the table: on each node,
    // autovacuum vacuums the shards.
    return {left > 0, 0};
}

int64_t distributed_rollup_rebuild(const Datum *minutes) {
    return rollup_rebuild(rebuild, minutes);
}

} // namespace heartbeat
