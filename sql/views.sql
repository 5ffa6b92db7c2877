-- The views and heartbeat_audit() with rows that the test inserts.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;

-- the first queries of the README, without data
SELECT metric, value FROM vw_pipeline_summary WHERE metric <> 'state';
SELECT anomaly_type, COUNT(*) FROM heartbeat_anomalies GROUP BY anomaly_type;
SELECT customer_id, avg_bpm, reading_count FROM vw_customer_bpm_summary ORDER BY minute_bucket DESC LIMIT 20;
SELECT * FROM vw_recent_anomalies LIMIT 20;
SELECT COUNT(*) FROM heartbeat_anomalies WHERE event_timestamp > NOW() - INTERVAL '5 minutes';
SELECT COUNT(*) FROM heartbeat_records WHERE heart_rate < 40 OR heart_rate > 180;
SELECT count(*) AS rows, count(state) AS states FROM heartbeat_status;
SELECT * FROM heartbeat_audit();

-- Readings and anomalies of four customers in four minutes, and marks for these minutes, as ingest stores them.
SELECT heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-22 00:00+00') AS made;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('CUST-1', 70, '2026-11-22 14:38:59.999999+00'),
    ('CUST-1', 70, '2026-11-22 14:39:00+00'), ('CUST-1', 71, '2026-11-22 14:39:30+00'),
    ('CUST-1', 75.5, '2026-11-22 14:39:59.999999+00'), ('CUST-2', 100, '2026-11-22 14:39:10+00'),
    ('CUST-1', 80, '2026-11-22 14:40:00+00'), ('CUST-3', 90, '1999-12-31 23:59:59+00');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('CUST-1', 200, '2026-11-22 14:39:15+00', 'TACHYCARDIA'), ('CUST-4', 20, '2026-11-22 14:40:15+00', 'BRADYCARDIA');
INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES
    ('2026-11-22 14:38+00'), ('2026-11-22 14:39+00'), ('2026-11-22 14:39+00'), ('2026-11-22 14:40+00'),
    ('1999-12-31 23:59+00');

-- vw_customer_bpm_summary agrees with the readings, no matter which minutes are rolled up
CREATE VIEW truth AS
    SELECT customer_id, date_trunc('minute', event_timestamp) AS minute_bucket, avg(heart_rate) AS avg_bpm,
           count(*) AS reading_count
    FROM heartbeat_records GROUP BY 1, 2;
CREATE VIEW wrong AS
    (SELECT 'missing' AS what, t.* FROM (TABLE truth EXCEPT ALL
        SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary) t)
    UNION ALL
    (SELECT 'too much', v.* FROM (
        SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary EXCEPT ALL TABLE truth) v);
SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary ORDER BY minute_bucket, customer_id;
SELECT * FROM wrong;

-- rolls up some minutes in one transaction, as the maintenance worker does
CREATE PROCEDURE roll_up(minutes timestamptz[]) LANGUAGE sql AS $$
    DELETE FROM heartbeat_stale_minutes WHERE minute_bucket = ANY (minutes);
    DELETE FROM heartbeat_rollup WHERE minute_bucket = ANY (minutes);
    INSERT INTO heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)
        SELECT m.minute_bucket, r.customer_id, sum(r.heart_rate), count(*) FROM unnest(minutes) AS m (minute_bucket)
        JOIN heartbeat_records r ON r.event_timestamp >= m.minute_bucket
                                AND r.event_timestamp < m.minute_bucket + interval '1 minute'
        GROUP BY m.minute_bucket, r.customer_id;
    INSERT INTO heartbeat_customers (customer_id)
        SELECT r.customer_id FROM heartbeat_records r WHERE date_trunc('minute', r.event_timestamp) = ANY (minutes)
        UNION SELECT a.customer_id FROM heartbeat_anomalies a WHERE date_trunc('minute', a.event_timestamp) = ANY (minutes)
        ON CONFLICT DO NOTHING;
    DELETE FROM heartbeat_customers_total;
    INSERT INTO heartbeat_customers_total SELECT count(*) FROM heartbeat_customers;
$$;
CALL roll_up(ARRAY['2026-11-22 14:39+00', '1999-12-31 23:59+00']::timestamptz[]);
SELECT customer_id, sum_bpm, reading_count FROM heartbeat_rollup ORDER BY minute_bucket, customer_id;
SELECT * FROM wrong;

-- the view includes a late reading of a rolled-up minute as soon as heartbeat_stale_minutes has this minute
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-2', 110, '2026-11-22 14:39:20+00');
SELECT what, customer_id, avg_bpm, reading_count FROM wrong ORDER BY what COLLATE "C";
INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES ('2026-11-22 14:39+00');
SELECT * FROM wrong;
SELECT metric, value FROM vw_pipeline_summary WHERE metric = 'customers';
CALL roll_up(ARRAY['2026-11-22 14:38+00', '2026-11-22 14:39+00', '2026-11-22 14:40+00']::timestamptz[]);
SELECT count(*) AS marks FROM heartbeat_stale_minutes;
SELECT * FROM wrong;
SELECT metric, value FROM vw_pipeline_summary WHERE metric = 'customers';
-- the view reads heartbeat_rollup: if no minute is stale, the view reads no row of heartbeat_records
SELECT count(*) AS rows, sum(reading_count) AS readings FROM vw_customer_bpm_summary;
BEGIN;
DELETE FROM heartbeat_rollup;
SELECT count(*) AS rows FROM vw_customer_bpm_summary;
ROLLBACK;

-- The view adds the sums of heartbeat_rollup_pending to the rolled-up rows. A customer without a rolled-up row gets a row with
-- only these sums. A stale minute is computed from its readings, without any sums. If heartbeat_rollup_pending has a row with
-- reading_count 0, the row comes from an anomaly: the view ignores this row, but the number of customers includes its customer.
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('CUST-2', 71.25, '2026-11-22 14:39:40+00'), ('CUST-5', 66, '2026-11-22 14:39:41+00'),
    ('CUST-5', 67, '2026-11-22 14:41:00+00'), ('CUST-1', 99, '1999-12-31 23:59:58+00');
SELECT what, customer_id, avg_bpm, reading_count FROM wrong ORDER BY what COLLATE "C", customer_id, reading_count;
INSERT INTO heartbeat_rollup_pending (minute_bucket, customer_id, sum_bpm, reading_count) VALUES
    ('2026-11-22 14:39+00', 'CUST-2', 71.25, 1), ('2026-11-22 14:39+00', 'CUST-5', 66, 1),
    ('2026-11-22 14:41+00', 'CUST-5', 67, 1), ('1999-12-31 23:59+00', 'CUST-1', 99, 1),
    ('2026-11-22 14:39+00', 'CUST-6', 0, 0);
SELECT * FROM wrong;
SELECT metric, value FROM vw_pipeline_summary WHERE metric = 'customers';
INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES ('2026-11-22 14:39+00'), ('2026-11-22 14:41+00');
SELECT * FROM wrong;
DELETE FROM heartbeat_stale_minutes;
SELECT customer_id, avg_bpm, reading_count FROM vw_customer_bpm_summary
WHERE minute_bucket >= '2026-11-22 14:39+00' AND minute_bucket < '2026-11-22 14:40+00' ORDER BY customer_id;

-- anomalies of the last 24 hours, the newest first; then the first queries of the README, now with rows
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('now', 20, now(), 'BRADYCARDIA'),
    ('yesterday', 350, now() - interval '23 hours 59 minutes', 'INVALID'),
    ('a day ago', 200, now() - interval '24 hours 1 second', 'TACHYCARDIA'),
    ('an hour ago', 200, now() - interval '1 hour', 'TACHYCARDIA'),
    ('soon', 201, now() + interval '1 minute', 'TACHYCARDIA');
SELECT customer_id, heart_rate, anomaly_type FROM vw_recent_anomalies
WHERE customer_id NOT LIKE 'CUST-%';
SELECT customer_id FROM (SELECT * FROM vw_recent_anomalies LIMIT 20) r WHERE customer_id NOT LIKE 'CUST-%';
SELECT anomaly_type, COUNT(*) FROM heartbeat_anomalies GROUP BY anomaly_type ORDER BY anomaly_type;
SELECT COUNT(*) FROM heartbeat_anomalies
WHERE event_timestamp > NOW() - INTERVAL '5 minutes' AND customer_id NOT LIKE 'CUST-%';
SELECT COUNT(*) FROM heartbeat_records WHERE heart_rate < 40 OR heart_rate > 180;
SELECT bool_and(event_timestamp > now() - interval '24 hours') AS of_the_last_day FROM vw_recent_anomalies;

-- the totals of vw_pipeline_summary include all Kafka partitions of every topic that a worker has ever read
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, rewound, messages, readings, records, bradycardia, tachycardia,
                               invalid, duplicates, dead_letters, empty_offsets, first_event, last_event) VALUES
    ('heartbeat-events', 0, 100, 0, 0, 94, 94, 80, 5, 4, 3, 2, 1, 5, '2026-11-22 14:00+00', '2026-11-22 15:00+00'),
    ('heartbeat-events', 1, 40, 30, 10, 17, 17, 17, 0, 0, 0, 0, 0, 3, '2026-11-22 13:00+00', '2026-11-22 14:30+00'),
    ('other', 0, 1, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0, '2026-11-23 00:00+00', '2026-11-23 00:00+00'),
    ('other', 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL);
SELECT metric, value FROM vw_pipeline_summary WHERE metric <> 'state';
SELECT metric FROM vw_pipeline_summary WHERE value = (SELECT state FROM heartbeat_status);
-- no worker has learned the end offset of a Kafka partition in this test, so the lag is unknown
SELECT topic, partition, next_offset, high_watermark, lag_messages, records, anomalies, duplicates, dead_letters,
       empty_offsets, worker_pid FROM heartbeat_partitions ORDER BY partition;

-- The audit of all Kafka partitions. Then the test changes two counters, as if one message was lost and another message was
-- stored twice.
SELECT * FROM heartbeat_audit();
UPDATE heartbeat_offsets SET records = records - 1 WHERE topic = 'heartbeat-events' AND partition = 0;
UPDATE heartbeat_offsets SET duplicates = duplicates + 1 WHERE topic = 'heartbeat-events' AND partition = 1;
SELECT topic, partition, difference FROM heartbeat_audit();

DROP VIEW wrong, truth;
DROP PROCEDURE roll_up(timestamptz[]);
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
