// The fold and the rebuild of the rollup in the usual table layout: this server has all rows. The fold moves
// sums from heartbeat_rollup_pending to heartbeat_rollup, in one statement.
#include "server/server.h"

#include "server/statement.h"
#include "store/local_rollup.h"
#include "store/rollup_rebuild.h"
#include "store/rollup_sums.h"

namespace heartbeat {

namespace {

constexpr int64_t fold_rows_max = 20'000;

// Folds at most $1 rows, so that a transaction is short even after a backlog. LIMIT takes the rows from the
// beginning of the table, so that whole pages become empty, and PostgreSQL can reuse these pages.
Statement fold = {{INT8OID}, {add_met_customers, update_sums, insert_sums}, R"sql(
    WITH taken AS (
        DELETE FROM @extschema@.heartbeat_rollup_pending
        WHERE ctid = ANY (ARRAY(SELECT ctid FROM @extschema@.heartbeat_rollup_pending LIMIT $1))
        RETURNING minute_bucket, customer_id, sum_bpm, reading_count),
        met AS (
            SELECT DISTINCT customer_id FROM taken),@add_met_customers@,
        added AS (
            SELECT minute_bucket, customer_id, sum(sum_bpm) AS sum_bpm,
                sum(reading_count)::bigint AS reading_count
            FROM taken GROUP BY minute_bucket, customer_id
            HAVING sum(reading_count) > 0),
        updated AS (@update_sums@),
        new AS (@insert_sums@
            ORDER BY minute_bucket, customer_id)
    SELECT count(*) FROM taken)sql"};

Statement delete_rollup = {{TIMESTAMPTZARRAYOID}, R"sql(
    DELETE FROM @extschema@.heartbeat_rollup r USING unnest($1) AS m (minute_bucket)
    WHERE r.minute_bucket = m.minute_bucket)sql"};

// Groups the minutes by hour, because one search for all minutes of an hour reads few pages of
// heartbeat_records. The table has the readings in the order of their arrival, so the readings of an hour are
// usually in consecutive pages. The BRIN index finds these pages in the table partition of the hour's week.
constexpr StatementPart hours = {"@hours@", R"sql(
    (SELECT array_agg(m.m) AS minutes, min(m.m) AS first, max(m.m) AS last FROM unnest($1) AS m (m)
        GROUP BY date_trunc('hour', m.m, 'UTC')) h)sql"};

Statement insert_rollup = {{TIMESTAMPTZARRAYOID}, {hours, minute_of_reading}, R"sql(
    INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)
    SELECT s.minute_bucket, s.customer_id, s.sum_bpm, s.reading_count
    FROM @hours@
        CROSS JOIN LATERAL (
            SELECT @minute_of_reading@ AS minute_bucket, r.customer_id, sum(r.heart_rate) AS sum_bpm,
                count(*) AS reading_count
            FROM @extschema@.heartbeat_records r
            WHERE r.event_timestamp >= h.first AND r.event_timestamp < h.last + interval '1 minute'
                AND @minute_of_reading@ = ANY (h.minutes)
            GROUP BY 1, 2) s
    ORDER BY 1, 2)sql"};

Statement select_customers = {{TIMESTAMPTZARRAYOID}, {hours}, R"sql(
    SELECT array_agg(c.customer_id)
    FROM (
        SELECT r.customer_id
        FROM unnest($1) AS m (minute_bucket)
            CROSS JOIN LATERAL (
                SELECT i.customer_id FROM @extschema@.heartbeat_rollup i
                WHERE i.minute_bucket = m.minute_bucket OFFSET 0) r
        UNION SELECT a.customer_id
        FROM @hours@
            CROSS JOIN LATERAL (
                SELECT i.customer_id FROM @extschema@.heartbeat_anomalies i
                WHERE i.event_timestamp >= h.first AND i.event_timestamp < h.last + interval '1 minute'
                OFFSET 0) a) c)sql"};

constexpr RebuildStatements rebuild = {&delete_rollup, &insert_rollup, &select_customers};

} // namespace

RollupFold local_rollup_fold() {
    Datum limit = Int64GetDatum(fold_rows_max);
    statement_execute(&fold, &limit, nullptr, SPI_OK_SELECT);
    int64_t rows = statement_int8(0, 1);
    return {rows == fold_rows_max, rows};
}

int64_t local_rollup_rebuild(const Datum *minutes) {
    return rollup_rebuild(rebuild, minutes);
}

} // namespace heartbeat
