-- The tables refuse invalid rows, no matter which session writes them.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
\set VERBOSITY terse

-- no table partition of heartbeat_records accepts an anomaly
SELECT heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-22 00:00+00') AS made;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 39.99, '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 180.01, '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 39.99, '1999-01-01 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 'NaN', '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 'Infinity', '2026-11-22 00:00+00');
INSERT INTO heartbeat_records_2026w47 (customer_id, heart_rate, event_timestamp) VALUES ('a', 39, '2026-11-22 00:00+00');
INSERT INTO heartbeat_records_default (customer_id, heart_rate, event_timestamp) VALUES ('a', 39, '1999-01-01 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 40, '2026-11-22 00:00+00');
UPDATE heartbeat_records SET heart_rate = 181;

-- heartbeat_anomalies refuses a normal reading with any type, and an anomaly with the wrong type
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 40, '2026-11-22 00:00+00', 'NORMAL');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 180, '2026-11-22 00:00+00', 'TACHYCARDIA');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 39, '2026-11-22 00:00+00', 'TACHYCARDIA');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 0, '2026-11-22 00:00+00', 'BRADYCARDIA');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 39, '2026-11-22 00:00+00', 'bradycardia');
INSERT INTO heartbeat_anomalies_2026w47 (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 74, '2026-11-22 00:00+00', 'INVALID');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('a', 39, '2026-11-22 00:00+00', 'BRADYCARDIA'), ('b', 'NaN', '2026-11-22 00:00+00', 'INVALID'),
    ('c', '-Infinity', '2026-11-22 00:00+00', 'INVALID'), ('d', 181, '1999-01-01 00:00+00', 'TACHYCARDIA');
UPDATE heartbeat_anomalies SET heart_rate = 74 WHERE customer_id = 'a';
UPDATE heartbeat_anomalies SET heart_rate = 200 WHERE customer_id = 'a';

-- no column may be NULL
INSERT INTO heartbeat_records (customer_id, event_timestamp) VALUES ('b', '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate) VALUES ('b', 74);
INSERT INTO heartbeat_records (heart_rate, event_timestamp) VALUES (74, '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, ingested_at)
    VALUES ('b', 74, '2026-11-22 00:00+00', NULL);
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp) VALUES ('e', 39, '2026-11-22 00:00+00');

-- The tables refuse a second row of the same customer, time and device. The second row comes in the same statement or in a later
-- statement. The rows are in a week's table partition or in the default partition.
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 41, '2026-11-22 00:00+00');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 41, '2026-11-22 00:00+00')
    ON CONFLICT DO NOTHING RETURNING customer_id;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('a', 42, '2026-11-22 00:00:00.000001+00'), ('A', 43, '2026-11-22 00:00+00'), ('a ', 44, '2026-11-22 00:00+00'),
    ('a', 45, '2026-11-22 01:00+01'), ('c', 46, '1999-01-01 00:00+00'), ('c', 47, '1999-01-01 00:00+00')
    ON CONFLICT DO NOTHING RETURNING customer_id, heart_rate;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('c', 47, '1999-01-01 00:00+00');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('a', 200, '2026-11-22 00:00+00', 'TACHYCARDIA');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('d', 0, '1999-01-01 00:00+00', 'INVALID');
DELETE FROM heartbeat_records WHERE customer_id = 'c';
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('c', 48, '1999-01-01 00:00+00');
-- the key also refuses a second row after the first row has moved to the new table partition of its week
SELECT heartbeat_make_partitions('1999-01-01 00:00+00', '1999-01-01 00:00+00') AS made;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('c', 49, '1999-01-01 00:00+00');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('d', 0, '1999-01-01 00:00+00', 'INVALID');
SELECT customer_id, heart_rate, event_timestamp FROM heartbeat_records
ORDER BY customer_id, event_timestamp;
SELECT customer_id, heart_rate, event_timestamp, anomaly_type FROM heartbeat_anomalies
ORDER BY customer_id, event_timestamp;

-- customer ids are sorted by bytes
SELECT min(customer_id) AS first, max(customer_id) AS last FROM heartbeat_records;

-- heartbeat_offsets has one row for each Kafka partition, and refuses negative offsets; no statement can set the column anomalies
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, bradycardia, tachycardia, invalid)
    VALUES ('t', 0, 10, 0, 1, 2, 3) RETURNING anomalies;
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) VALUES ('t', 0, 11, 0);
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) VALUES ('t', -1, 11, 0);
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset) VALUES ('t', 1, -1, 0);
UPDATE heartbeat_offsets SET anomalies = 7;
INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason) VALUES ('t', 0, 5, 5, 'nothing');
INSERT INTO heartbeat_control (paused) VALUES (false);
INSERT INTO heartbeat_control (paused) VALUES (true);
INSERT INTO heartbeat_control (hold, paused) VALUES ('another', true);

\set VERBOSITY default
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
