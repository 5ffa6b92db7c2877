--
-- What was measured: the views that dashboards ask
--

CREATE VIEW vw_customer_bpm_summary AS
    SELECT r.customer_id, r.minute_bucket, r.avg_bpm, r.reading_count
    FROM heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT r.customer_id, s.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
    JOIN heartbeat_records r ON r.event_timestamp >= s.minute_bucket
                            AND r.event_timestamp < s.minute_bucket + interval '1 minute'
    GROUP BY r.customer_id, s.minute_bucket;
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings by customer and minute; always exact, late readings included.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'How many normal readings the minute has.';

CREATE VIEW vw_recent_anomalies AS
    SELECT customer_id, heart_rate, anomaly_type, event_timestamp
    FROM heartbeat_anomalies
    WHERE event_timestamp > now() - interval '24 hours'
    ORDER BY event_timestamp DESC;
COMMENT ON VIEW vw_recent_anomalies IS 'Anomalies of the last 24 hours, newest first.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When it was measured, by the device''s clock.';

CREATE VIEW vw_pipeline_summary AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event, max(last_event) AS last_event
        FROM heartbeat_offsets
    ), fresh AS ( -- customers of the minutes that the rollup has not seen
        SELECT r.customer_id
        FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
        JOIN heartbeat_records r ON r.event_timestamp >= s.minute_bucket
                                AND r.event_timestamp < s.minute_bucket + interval '1 minute'
        UNION
        SELECT a.customer_id
        FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
        JOIN heartbeat_anomalies a ON a.event_timestamp >= s.minute_bucket
                                  AND a.event_timestamp < s.minute_bucket + interval '1 minute'
    ), customers AS (
        SELECT (SELECT count(*) FROM heartbeat_customers) +
               (SELECT count(*) FROM fresh f
                WHERE NOT EXISTS (SELECT FROM heartbeat_customers c WHERE c.customer_id = f.customer_id)) AS customers
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
