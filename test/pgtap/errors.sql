-- Tests the SQLSTATE of each error. Programs that call the functions read the SQLSTATE.
BEGIN;
SELECT plan(23);

SELECT throws_ok($$SELECT heartbeat_seek(0, 1)$$, '55000', 'heartbeat_seek needs ingest to be paused');
SELECT throws_ok($$SELECT heartbeat_seek(now())$$, '55000', 'heartbeat_seek needs ingest to be paused');
SELECT throws_ok($$SELECT heartbeat_seek(-1, 0)$$, '22023',
                 'heartbeat_seek needs a partition from 0 and an offset from 0 to 1000000000000000, not (-1, 0)');
SELECT throws_ok($$SELECT heartbeat_seek(0, -1)$$, '22023',
                 'heartbeat_seek needs a partition from 0 and an offset from 0 to 1000000000000000, not (0, -1)');
SELECT throws_ok($$SELECT heartbeat_seek(NULL::integer, 0)$$, '22023',
                 'heartbeat_seek needs a partition from 0 and an offset from 0 to 1000000000000000, not (NULL, 0)');
SELECT throws_ok($$SELECT heartbeat_seek(NULL::timestamptz)$$, '22023', 'heartbeat_seek needs a finite time, not NULL');
SELECT throws_ok($$SELECT heartbeat_seek('-infinity'::timestamptz)$$, '22023',
                 'heartbeat_seek needs a finite time, not -infinity');
SELECT throws_ok($$SELECT heartbeat_replay(now(), NULL)$$, '22023',
                 'heartbeat_replay needs a finite from_time and to_time, and from_time must be before to_time');
SELECT throws_ok($$SELECT heartbeat_replay('-infinity', now())$$, '22023',
                 'heartbeat_replay needs a finite from_time and to_time, and from_time must be before to_time');
SELECT throws_ok($$SELECT heartbeat_replay(now(), now())$$, '22023',
                 'heartbeat_replay needs a finite from_time and to_time, and from_time must be before to_time');
SELECT throws_ok($$SELECT heartbeat_replay(now() - interval '1 hour', now(), -1)$$, '22023', 'partition -1 is below 0');
SELECT throws_ok($$SELECT heartbeat_replay(now() - interval '1 hour', now())$$, '55000', 'heartbeat.brokers is empty');
SELECT lives_ok($$SELECT heartbeat_pause()$$, 'heartbeat_pause() needs no Kafka');
SELECT lives_ok($$SELECT heartbeat_seek(0, 1)$$, 'a seek by offset needs no Kafka');
SELECT throws_ok($$SELECT heartbeat_seek(now())$$, '55000', 'heartbeat.brokers is empty', 'a seek by time needs Kafka');
SELECT throws_ok($$SELECT heartbeat_kafka_offsets(now())$$, '55000', 'heartbeat.brokers is empty');

SELECT throws_ok($$SELECT heartbeat_make_partitions('2000-01-01', '2026-01-01')$$, '22023', NULL,
                 'heartbeat_make_partitions() refuses 26 years');

SELECT throws_ok($$INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('a', 181, now())$$,
                 '23514', NULL, 'heartbeat_records refuses an anomaly');
SELECT throws_ok($$INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
                   VALUES ('a', 74, now(), 'TACHYCARDIA')$$, '23514', NULL, 'heartbeat_anomalies refuses a normal reading');
SELECT throws_ok($$INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
                   VALUES ('a', 74, now()), ('a', 75, now())$$, '23505', NULL, 'heartbeat_records refuses a second reading with the same customer and time');
SELECT throws_ok($$INSERT INTO heartbeat_records (heart_rate, event_timestamp) VALUES (74, now())$$, '23502', NULL,
                 'heartbeat_records refuses a reading without a customer');

CREATE ROLE heartbeat_pgtap_nobody;
SELECT throws_ok($$SET LOCAL ROLE heartbeat_pgtap_nobody; SELECT heartbeat_pause()$$, '42501', NULL,
                 'heartbeat_pause() refuses a role without the right');
SELECT throws_ok($$SET LOCAL ROLE heartbeat_pgtap_nobody; SELECT * FROM heartbeat_status$$, '42501', NULL,
                 'heartbeat_status refuses a role without the right');

SELECT * FROM finish();
ROLLBACK;
