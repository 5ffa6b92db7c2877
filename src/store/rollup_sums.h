// SQL texts that several statements contain. These statements move sums from heartbeat_rollup_pending to
// heartbeat_rollup (the fold), or add new customers. The two table layouts and rollup_rebuild.cpp have these
// statements.
#pragma once

#include "server/statement.h"

namespace heartbeat {

// Adds the rows of `added` to the existing sums in heartbeat_rollup.
inline constexpr StatementPart update_sums = {"@update_sums@", R"sql(
            UPDATE @extschema@.heartbeat_rollup r
            SET sum_bpm = r.sum_bpm + a.sum_bpm, reading_count = r.reading_count + a.reading_count
            FROM added a
            WHERE r.minute_bucket = a.minute_bucket AND r.customer_id = a.customer_id
            RETURNING r.minute_bucket, r.customer_id)sql"};

// Inserts the rows of `added` that are not in `updated`, the result of update_sums.
inline constexpr StatementPart insert_sums = {"@insert_sums@", R"sql(
            INSERT INTO @extschema@.heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)
            SELECT minute_bucket, customer_id, sum_bpm, reading_count FROM added
            WHERE (minute_bucket, customer_id) NOT IN (SELECT minute_bucket, customer_id FROM updated))sql"};

// `met` has each customer once. Adds the new customers of `met` to heartbeat_customers, and adds the number
// of new customers to heartbeat_customers_total. The subquery has a LIMIT, so PostgreSQL searches for each
// customer by the key.
inline constexpr StatementPart add_met_customers = {"@add_met_customers@", R"sql(
        customers AS (
            INSERT INTO @extschema@.heartbeat_customers (customer_id)
            SELECT p.customer_id FROM met p
            WHERE (SELECT true FROM @extschema@.heartbeat_customers c
                WHERE c.customer_id = p.customer_id LIMIT 1) IS NULL
            ON CONFLICT DO NOTHING RETURNING 1),
        counted AS (
            DELETE FROM @extschema@.heartbeat_customers_total
            WHERE EXISTS (SELECT FROM customers)
            RETURNING customers),
        total AS (
            INSERT INTO @extschema@.heartbeat_customers_total (customers)
            SELECT (SELECT coalesce(sum(customers), 0) FROM counted) + count(*)
            FROM customers HAVING count(*) > 0))sql"};

} // namespace heartbeat
