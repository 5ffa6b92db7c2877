--
-- The view vw_customer_bpm_summary has one query for tables that Citus has distributed, and another query for tables on this
-- server. heartbeat_use_summary() creates the view with one of the two queries. This script, heartbeat_distribute() and
-- heartbeat_undistribute() call heartbeat_use_summary().
--

-- Citus sends the query for distributed tables to the nodes as a whole, with the caller's conditions on customer and time. While
-- this query runs, the maintenance worker can move a sum from heartbeat_rollup_pending to heartbeat_rollup, and the query could
-- read the sum twice. So the query first selects the minutes that are in the small tables (heartbeat_rollup_pending and
-- heartbeat_stale_minutes). On one server this query would be far slower than the other query.
--
-- The query for one server returns a row of heartbeat_rollup unchanged if two conditions hold. First, heartbeat_stale_minutes does
-- not have the minute of the row. Second, heartbeat_rollup_pending has no sum for the customer and the minute of the row. For each
-- row of heartbeat_rollup_pending this query looks up the sum in heartbeat_rollup by the key. The small tables can be empty at one
-- moment and large at the next moment, and the planner does not see this change. So the query reads the small tables as arrays.
-- The planner assumes that each array has ten elements, and hashes the elements, so the plan is good for any length of the array.
--
-- The query for one server calls heartbeat_summarize_minute(). While PostgreSQL parses the query, this function is in the schema
-- heartbeat_building, in which no other role can create a function of the same name.
CREATE FUNCTION heartbeat_use_summary(distributed boolean, summarize_minute regprocedure) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = summarize_minute);
    propagation text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    IF propagation IS NOT NULL THEN -- Citus is loaded
        PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    END IF;
    IF schema <> 'heartbeat_building' THEN -- while a script creates or updates the extension, the schema is heartbeat_building
        CREATE SCHEMA heartbeat_building;
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA heartbeat_building', summarize_minute);
    END IF;
    EXECUTE format(CASE WHEN distributed THEN $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    WITH stale AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes),
    pending AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE r.minute_bucket <> ALL (ARRAY(SELECT minute_bucket FROM stale UNION SELECT minute_bucket FROM pending))
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))) a
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT r.customer_id, r.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT customer_id, heart_rate, CASE WHEN event_timestamp < '2000-01-01Z' THEN date_trunc('minute', event_timestamp, 'UTC')
                                               ELSE date_bin('1 minute', event_timestamp, '2000-01-01Z') END AS minute_bucket
          FROM %1$I.heartbeat_records
          WHERE event_timestamp >= (SELECT min(minute_bucket) FROM stale)
            AND event_timestamp < (SELECT max(minute_bucket) FROM stale) + interval '1 minute') r
    WHERE r.minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM stale))
    GROUP BY 1, 2 $view$ ELSE $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary WITH (security_barrier) AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = r.minute_bucket)
      AND NOT EXISTS (SELECT FROM (
              WITH keys AS MATERIALIZED (SELECT DISTINCT customer_id, minute_bucket FROM %1$I.heartbeat_rollup_pending
                                         WHERE reading_count > 0)
              SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM keys), ARRAY(SELECT minute_bucket FROM keys))
                  AS u (customer_id, minute_bucket)) p
                      WHERE p.minute_bucket = r.minute_bucket AND p.customer_id = r.customer_id)
    UNION ALL
    SELECT p.customer_id, p.minute_bucket,
           (p.sum_bpm + coalesce(f.sum_bpm, 0)) / (p.reading_count + coalesce(f.reading_count, 0)),
           p.reading_count + coalesce(f.reading_count, 0)
    FROM (WITH sums AS MATERIALIZED (
              SELECT customer_id, minute_bucket, sum(sum_bpm) AS sum_bpm, sum(reading_count)::bigint AS reading_count
              FROM %1$I.heartbeat_rollup_pending WHERE reading_count > 0 GROUP BY customer_id, minute_bucket)
          SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM sums), ARRAY(SELECT minute_bucket FROM sums),
                                 ARRAY(SELECT sum_bpm FROM sums), ARRAY(SELECT reading_count FROM sums))
              AS u (customer_id, minute_bucket, sum_bpm, reading_count)) p
         CROSS JOIN LATERAL (SELECT sum(r.sum_bpm) AS sum_bpm, sum(r.reading_count)::bigint AS reading_count
                             FROM %1$I.heartbeat_rollup r
                             WHERE r.minute_bucket = p.minute_bucket AND r.customer_id = p.customer_id) f
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = p.minute_bucket)
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes) s,
         heartbeat_building.heartbeat_summarize_minute(s.minute_bucket) m $view$ END, schema);
    IF schema <> 'heartbeat_building' THEN
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', summarize_minute, schema);
        DROP SCHEMA heartbeat_building;
    END IF;
    IF propagation IS NOT NULL THEN
        PERFORM set_config('citus.enable_ddl_propagation', propagation, true);
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_use_summary(boolean, regprocedure) IS
    'Internal: creates vw_customer_bpm_summary again. With true, the view gets the text for distributed tables. With false, the '
    'view gets the text for tables on this server.';

SELECT heartbeat_use_summary(heartbeat_is_distributed(), 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings for each customer and minute. The view is always exact, even if readings arrive '
    'late.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'The measured customer.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, in beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'Number of normal readings of the minute.';
