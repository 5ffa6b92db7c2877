--
-- What was measured: the views that dashboards ask
--

-- Minutes that nothing is to be added to are read as they are; those that ingest has just added to are few.
CREATE VIEW vw_customer_bpm_summary WITH (security_barrier) AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM (SELECT minute_bucket FROM heartbeat_stale_minutes
                                   UNION SELECT minute_bucket FROM heartbeat_rollup_pending) t
                      WHERE t.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (WITH minutes AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM heartbeat_rollup_pending)
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM heartbeat_rollup_pending
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM minutes))
            AND minute_bucket >= (SELECT min(minute_bucket) FROM minutes) -- which partitions to look into
            AND minute_bucket <= (SELECT max(minute_bucket) FROM minutes)) a
    WHERE NOT EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket = a.minute_bucket)
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s, heartbeat_summarize_minute(s.minute_bucket) m;
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings by customer and minute; always exact, late readings included.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'How many normal readings the minute has.';

CREATE VIEW vw_recent_anomalies WITH (security_barrier) AS
    SELECT customer_id, heart_rate, anomaly_type, event_timestamp
    FROM heartbeat_anomalies
    WHERE event_timestamp > now() - interval '24 hours'
    ORDER BY event_timestamp DESC;
COMMENT ON VIEW vw_recent_anomalies IS 'Anomalies of the last 24 hours, newest first.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When it was measured, by the device''s clock.';

CREATE VIEW vw_pipeline_summary WITH (security_barrier) AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event, max(last_event) AS last_event
        FROM heartbeat_offsets
    ), pending AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM heartbeat_rollup_pending
    ), customers AS (
        SELECT (SELECT coalesce(sum(customers), 0) FROM heartbeat_customers_total) +
               (SELECT count(*) FROM pending p
                -- as a subquery with a LIMIT, so that each is looked up and never all are read
                WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = p.customer_id LIMIT 1) IS NULL
               ) AS customers
    )
    SELECT m.metric, m.value
    FROM totals t, customers c, heartbeat_status s,
         LATERAL (VALUES
            (1, 'total_records', t.records::text),
            (2, 'total_anomalies', t.anomalies::text),
            (3, 'bradycardia', t.bradycardia::text),
            (4, 'tachycardia', t.tachycardia::text),
            (5, 'invalid', t.invalid::text),
            (6, 'duplicates', t.duplicates::text),
            (7, 'dead_letters', t.dead_letters::text),
            (8, 'customers', c.customers::text),
            (9, 'first_event', t.first_event::text),
            (10, 'last_event', t.last_event::text),
            (11, 'state', s.state),
            (12, 'lag_messages', s.lag_messages::text),
            (13, 'lag_seconds', round(s.lag_seconds::numeric, 1)::text)
         ) AS m (position, metric, value)
    ORDER BY m.position;
COMMENT ON VIEW vw_pipeline_summary IS
    'One row a metric: totals since the first reading (retention does not lower them), customers, first and last event, lag.';
COMMENT ON COLUMN vw_pipeline_summary.metric IS 'Name of the metric.';
COMMENT ON COLUMN vw_pipeline_summary.value IS 'Its value, as text; NULL where it is not known.';
