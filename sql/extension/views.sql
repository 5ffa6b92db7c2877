--
-- What was measured: the views that dashboards ask
--

-- What nothing is to be added to is read as it is; to what ingest has just added the rest of the sum is looked up, by the
-- key. The small tables are empty one moment and large the next, which the planner does not see. As arrays, whose length
-- it takes for ten, they are hashed, and cost as much as they are long.
CREATE VIEW vw_customer_bpm_summary WITH (security_barrier) AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = r.minute_bucket)
      AND NOT EXISTS (SELECT FROM (
              WITH keys AS MATERIALIZED (SELECT DISTINCT customer_id, minute_bucket FROM heartbeat_rollup_pending
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
              FROM heartbeat_rollup_pending WHERE reading_count > 0 GROUP BY customer_id, minute_bucket)
          SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM sums), ARRAY(SELECT minute_bucket FROM sums),
                                 ARRAY(SELECT sum_bpm FROM sums), ARRAY(SELECT reading_count FROM sums))
              AS u (customer_id, minute_bucket, sum_bpm, reading_count)) p
         CROSS JOIN LATERAL (SELECT sum(r.sum_bpm) AS sum_bpm, sum(r.reading_count)::bigint AS reading_count
                             FROM heartbeat_rollup r
                             WHERE r.minute_bucket = p.minute_bucket AND r.customer_id = p.customer_id) f
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = p.minute_bucket)
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s, heartbeat_summarize_minute(s.minute_bucket) m;
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings by customer and minute; always exact, late readings included.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'How many normal readings the minute has.';

-- Two parts that are sorted each, so that the first rows of the first one are found by its index.
CREATE VIEW vw_recent_anomalies WITH (security_barrier) AS
    SELECT a.customer_id, a.heart_rate, a.anomaly_type, a.event_timestamp, a.ingested_at
    FROM ((SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at, event_timestamp AS recent
           FROM heartbeat_anomalies
           WHERE event_timestamp > now() - interval '24 hours'
             AND event_timestamp <= now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
             AND event_timestamp <= ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
           ORDER BY event_timestamp DESC)
          UNION ALL
          (SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at,
                  ingested_at - coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
           FROM heartbeat_anomalies
           WHERE event_timestamp > ingested_at
             AND event_timestamp > ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
             AND event_timestamp > now() - interval '24 hours' AND ingested_at > now() - interval '24 hours'
           ORDER BY 6 DESC)) a
    ORDER BY a.recent DESC;
COMMENT ON VIEW vw_recent_anomalies IS
    'Anomalies of the last 24 hours, newest first, by event_timestamp. One whose event_timestamp is further ahead of ingested_at than '
    'heartbeat.max_clock_skew has its place by ingested_at, behind those that were measured within that skew before it.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When it was measured, by the device''s clock.';
COMMENT ON COLUMN vw_recent_anomalies.ingested_at IS 'When it was stored, by the server''s clock.';

CREATE VIEW vw_pipeline_summary WITH (security_barrier) AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event,
               -- of an older version, a time that has not come
               max(CASE WHEN last_event > now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
                        THEN updated_at ELSE last_event END) AS last_event
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
    'One row a metric: totals since the first reading (retention does not lower them), customers, first and last event, lag. The last '
    'event is of readings that are not further ahead than heartbeat.max_clock_skew; one that is counts as when it was stored.';
COMMENT ON COLUMN vw_pipeline_summary.metric IS 'Name of the metric.';
COMMENT ON COLUMN vw_pipeline_summary.value IS 'Its value, as text; NULL where it is not known.';
