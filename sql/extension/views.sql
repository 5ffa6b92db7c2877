--
-- The views of readings, for dashboards
--

-- PostgreSQL merges the two parts of the UNION ALL in the order of `recent`. So a query with LIMIT 20 reads only the newest rows.
-- The first part has the anomalies with a plausible time. Its conditions are in the outer WHERE: with a WHERE of its own,
-- PostgreSQL would plan the first part as if every query read all its rows. In the second part `plausible` is -infinity, so each
-- row of the second part meets the two conditions on `plausible`.
-- The second part has the few anomalies whose time was in the future at their arrival. The bounds of ingested_at are subqueries,
-- whose results PostgreSQL does not know when it plans the query. So PostgreSQL expects few rows, and reads these rows by the
-- index on ingested_at. If the bounds were plain values, PostgreSQL would expect a third of all rows.
CREATE VIEW vw_recent_anomalies WITH (security_barrier) AS
    SELECT a.customer_id, a.heart_rate, a.anomaly_type, a.event_timestamp, a.ingested_at
    FROM (SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at,
                 event_timestamp AS recent, event_timestamp AS day, event_timestamp AS plausible
          FROM heartbeat_anomalies
          UNION ALL
          (SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at,
                  ingested_at - coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval, ingested_at, '-infinity'
           FROM heartbeat_anomalies
           WHERE event_timestamp > ingested_at
             AND event_timestamp > ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
             AND event_timestamp > now() - interval '24 hours'
             AND ingested_at BETWEEN (SELECT now() - interval '24 hours') AND (SELECT timestamptz 'infinity')
           ORDER BY 6 DESC)) a
    WHERE a.day > now() - interval '24 hours'
      AND a.plausible <= now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
      AND a.plausible <= a.ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
    ORDER BY a.recent DESC;
COMMENT ON VIEW vw_recent_anomalies IS
    'Anomalies of the last 24 hours. The view sorts them by event_timestamp, the newest first. If event_timestamp is more '
    'than heartbeat.max_clock_skew after ingested_at, the view sorts the anomaly by ingested_at minus heartbeat.max_clock_skew '
    'instead.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'The measured customer.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN vw_recent_anomalies.ingested_at IS 'When the anomaly was stored, by the server''s clock.';

CREATE VIEW vw_pipeline_summary WITH (security_barrier) AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters, coalesce(sum(conflicts), 0) AS conflicts,
               min(first_event) AS first_event,
               -- a row from an older version may have a last_event in the future
               max(CASE WHEN last_event > now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
                        THEN updated_at ELSE last_event END) AS last_event
        FROM (SELECT records, anomalies, bradycardia, tachycardia, invalid, duplicates, dead_letters, conflicts, first_event, last_event,
                     updated_at FROM heartbeat_offsets
              UNION ALL
              SELECT records, bradycardia::numeric + tachycardia + invalid, bradycardia, tachycardia, invalid, duplicates, dead_letters, conflicts,
                     first_event, last_event, last_event FROM heartbeat_dropped_offsets) o
    ), pending AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM heartbeat_rollup_pending
    ), customers AS (
        SELECT (SELECT coalesce(sum(customers), 0) FROM heartbeat_customers_total) +
               (SELECT count(*) FROM pending p
                -- The LIMIT makes PostgreSQL look up each customer by the key, and not read all customers.
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
            (7, 'conflicts', t.conflicts::text),
            (8, 'dead_letters', t.dead_letters::text),
            (9, 'customers', c.customers::text),
            (10, 'first_event', t.first_event::text),
            (11, 'last_event', t.last_event::text),
            (12, 'state', s.state),
            (13, 'lag_messages', s.lag_messages::text),
            (14, 'lag_seconds', round(s.lag_seconds::numeric, 1)::text)
         ) AS m (position, metric, value)
    ORDER BY m.position;
COMMENT ON VIEW vw_pipeline_summary IS
    'One row for each metric: totals since the first reading (retention does not reduce them), customers, first and last '
    'event, lag. If the event_timestamp of a reading is more than heartbeat.max_clock_skew after the time at which heartbeat '
    'stored the reading, heartbeat computes the last event from the latter time.';
COMMENT ON COLUMN vw_pipeline_summary.metric IS 'Name of the metric.';
COMMENT ON COLUMN vw_pipeline_summary.value IS 'Value of the metric, as text; NULL if it is not known.';
