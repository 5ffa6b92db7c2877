--
-- Without Citus the tables cannot be distributed; the error says that Citus is missing
--
SET timezone = 'UTC';
\set SHOW_CONTEXT never
SELECT heartbeat_distribute();
SELECT heartbeat_distribute(8);
SELECT heartbeat_distribute(0);
SELECT heartbeat_undistribute();
SELECT heartbeat_is_distributed();

-- vw_customer_bpm_summary already has the definition that heartbeat_undistribute() would give this view
CREATE TEMP TABLE before AS SELECT pg_get_viewdef('vw_customer_bpm_summary') AS definition;
BEGIN;
SELECT heartbeat_use_summary(true, 'heartbeat_summarize_minute(timestamptz)');
SELECT pg_get_viewdef('vw_customer_bpm_summary') = definition AS same FROM before;
-- both definitions of the view return the same rows for minutes that are rolled up, pending, stale, or all of these at once
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('a', 60, '2026-11-22 10:00:01Z'), ('a', 70, '2026-11-22 10:00:02Z'), ('b', 80, '2026-11-22 10:01:01Z'),
    ('a', 90, '2026-11-22 10:02:01Z'), ('c', 100, '2026-11-22 10:03:01Z'), ('a', 110, '2026-11-22 10:03:02Z');
INSERT INTO heartbeat_rollup VALUES ('2026-11-22 10:00Z', 'a', 60, 1), ('2026-11-22 10:01Z', 'b', 80, 1), ('2026-11-22 10:03Z', 'a', 1, 7);
INSERT INTO heartbeat_rollup_pending VALUES ('2026-11-22 10:00Z', 'a', 70, 1), ('2026-11-22 10:02Z', 'a', 90, 1),
    ('2026-11-22 10:03Z', 'a', 110, 1), ('2026-11-22 10:02Z', 'd', 0, 0);
INSERT INTO heartbeat_stale_minutes VALUES ('2026-11-22 10:03Z');
SELECT * FROM vw_customer_bpm_summary ORDER BY minute_bucket, customer_id;
SELECT heartbeat_use_summary(false, 'heartbeat_summarize_minute(timestamptz)');
SELECT * FROM vw_customer_bpm_summary ORDER BY minute_bucket, customer_id;
SELECT pg_get_viewdef('vw_customer_bpm_summary') = definition AS same FROM before;
ROLLBACK;
