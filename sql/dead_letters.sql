-- heartbeat_retry_dead_letters() with dead letters that the test inserts.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
CREATE VIEW letters AS
    SELECT "offset", error_code, error_text, resolved_at IS NOT NULL AS resolved FROM heartbeat_dead_letters
    ORDER BY topic, partition, "offset";
CREATE VIEW counters AS
    SELECT topic, partition, records, bradycardia, tachycardia, invalid, duplicates, dead_letters, first_event, last_event
    FROM heartbeat_offsets ORDER BY topic, partition;

SELECT * FROM heartbeat_retry_dead_letters();

-- the worker has passed 11 offsets of Kafka partition 0: one normal reading and ten dead letters
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, messages, readings, records, dead_letters, first_event, last_event)
    VALUES ('heartbeat-events', 0, 11, 0, 1, 1, 1, 10, '2026-11-22 14:39+00', '2026-11-22 14:39+00'),
           ('heartbeat-events', 1, 1, 0, 0, 0, 0, 1, NULL, NULL), ('other', 0, 1, 0, 0, 0, 0, 1, NULL, NULL);
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('stored', 70, '2026-11-22 14:39+00');
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", key, payload, error_code, error_text)
    SELECT 'heartbeat-events', 0, n, 'key', 'nonsense', 'INVALID_JSON', 'as it was' FROM generate_series(1, 10) n;
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text) VALUES
    ('heartbeat-events', 1, 0, NULL, 'TOMBSTONE', 'as it was'), ('other', 0, 0, 'nonsense', 'INVALID_JSON', 'as it was');

-- A retry of unchanged dead letters resolves no dead letter. Each unresolved dead letter gets its present error. The dead letter
-- that was already resolved keeps its error.
UPDATE heartbeat_dead_letters SET resolved_at = now(),
    payload = '{"customer_id":"resolved","heart_rate":74,"event_timestamp":"2026-11-22T14:40:00Z"}' WHERE "offset" = 10;
UPDATE heartbeat_offsets SET dead_letters = dead_letters - 1, messages = messages + 1, readings = readings + 1, duplicates = duplicates + 1
    WHERE topic = 'heartbeat-events' AND partition = 0;
SELECT * FROM heartbeat_retry_dead_letters();
SELECT * FROM letters;
TABLE counters;

-- The test corrects all unresolved dead letters except two. The corrected dead letters become two normal readings, an anomaly of
-- each type, a reading in conflict with a stored reading, and a dead letter with another error. Two more corrected dead letters
-- have the same customer and time: heartbeat stores the reading of the first dead letter, and the second dead letter is in
-- conflict.
UPDATE heartbeat_dead_letters SET payload = convert_to(m.payload, 'UTF8') FROM (VALUES
    ('heartbeat-events', 1, '{"customer_id":"late","heart_rate":74.25,"event_timestamp":"2026-11-22T14:40:00.123456Z"}'),
    ('heartbeat-events', 2, '{"customer_id":42,"heart_rate":30,"event_timestamp":"2026-11-22T14:40:01Z"}'),
    ('heartbeat-events', 3, '{"customer_id":"fast","heart_rate":181,"event_timestamp":"2026-11-22T16:40:02+02:00"}'),
    ('heartbeat-events', 4, '{"customer_id":"dead","heart_rate":0,"event_timestamp":"2026-11-22 14:40:03"}'),
    ('heartbeat-events', 5, '{"customer_id":"stored","heart_rate":71,"event_timestamp":"2026-11-22T14:39:00Z"}'),
    ('heartbeat-events', 6, '{"customer_id":"twice","heart_rate":80,"event_timestamp":"2026-11-21T09:00:00Z"}'),
    ('heartbeat-events', 7, '{"customer_id":"twice","heart_rate":81,"event_timestamp":"2026-11-21T09:00:00Z"}'),
    ('heartbeat-events', 8, '{"customer_id":"half","event_timestamp":"2026-11-22T14:40:00Z"}'),
    ('other', 0, '{"customer_id":"elsewhere","heart_rate":90,"event_timestamp":"2026-11-22T14:41:00Z"}')
    ) AS m (topic, "offset", payload)
WHERE heartbeat_dead_letters.topic = m.topic AND heartbeat_dead_letters."offset" = m."offset" AND key IS NOT DISTINCT FROM
    CASE m.topic WHEN 'heartbeat-events' THEN 'key'::bytea END;

-- the retry is part of the caller's transaction
BEGIN;
SELECT * FROM heartbeat_retry_dead_letters();
SELECT * FROM heartbeat_retry_dead_letters();
ROLLBACK;
SELECT count(*) AS unresolved FROM letters WHERE NOT resolved;
SELECT count(*) AS records FROM heartbeat_records;

SELECT * FROM heartbeat_retry_dead_letters();
SELECT * FROM letters;
SELECT customer_id, heart_rate, event_timestamp FROM heartbeat_records ORDER BY customer_id;
SELECT customer_id, heart_rate, event_timestamp, anomaly_type FROM heartbeat_anomalies ORDER BY customer_id;
TABLE counters;
SELECT * FROM heartbeat_audit();
-- the retry marks the minutes of the new records, so the summary includes the new records
SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary ORDER BY customer_id;

-- a second retry does not change resolved dead letters
SELECT * FROM heartbeat_retry_dead_letters();
SELECT count(*) AS records FROM heartbeat_records;

-- A retry needs several steps for 1700 dead letters. Every fifth dead letter stays invalid. The last 60 dead letters have the same
-- readings as the first 60 dead letters.
TRUNCATE heartbeat_dead_letters, heartbeat_offsets, heartbeat_records, heartbeat_anomalies, heartbeat_stale_minutes;
CREATE VIEW readings AS
    SELECT n, n % 4 AS partition, n % 1640 AS customer, 20 + n % 1640 % 300 AS heart_rate,
           CASE WHEN n % 5 = 0 THEN 'bad' WHEN n >= 1640 THEN 'duplicate'
                ELSE heartbeat_classify(20 + n % 1640 % 300) END AS becomes
    FROM generate_series(0, 1699) n;
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, dead_letters)
    SELECT 'heartbeat-events', partition, count(*), 0, count(*) FROM readings GROUP BY partition;
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    SELECT 'heartbeat-events', partition, n / 4,
           CASE WHEN becomes = 'bad' THEN '{"customer_id":'
                ELSE format('{"customer_id":%s,"heart_rate":%s,"event_timestamp":"2026-11-22T14:39:00Z"}',
                            customer, heart_rate) END::bytea, 'INVALID_JSON', 'as it was'
    FROM readings ORDER BY n;
SELECT * FROM heartbeat_retry_dead_letters();
SELECT resolved, count(*), error_text LIKE '%unexpected end%' AS explained FROM letters GROUP BY 1, 3 ORDER BY 1;
SELECT partition, records, bradycardia, tachycardia, invalid, duplicates, dead_letters FROM counters ORDER BY partition;
SELECT partition, count(*) FILTER (WHERE becomes = 'NORMAL') AS records,
       count(*) FILTER (WHERE becomes = 'BRADYCARDIA') AS bradycardia,
       count(*) FILTER (WHERE becomes = 'TACHYCARDIA') AS tachycardia,
       count(*) FILTER (WHERE becomes = 'INVALID') AS invalid,
       count(*) FILTER (WHERE becomes = 'duplicate') AS duplicates, count(*) FILTER (WHERE becomes = 'bad') AS dead_letters
FROM readings GROUP BY partition ORDER BY partition;
SELECT (SELECT count(*) FROM heartbeat_records) AS records, (SELECT count(*) FROM heartbeat_anomalies) AS anomalies;
SELECT partition, offsets_passed, difference FROM heartbeat_audit();

-- the arguments select dead letters by code, topic, Kafka partition, time of arrival and id; NULL selects all dead letters
TRUNCATE heartbeat_dead_letters, heartbeat_offsets, heartbeat_records, heartbeat_anomalies, heartbeat_stale_minutes;
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, dead_letters) VALUES
    ('heartbeat-events', 0, 6, 0, 6), ('heartbeat-events', 1, 2, 0, 2), ('other', 0, 2, 0, 2);
ALTER SEQUENCE heartbeat_dead_letters_id_seq RESTART;
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text, arrived_at)
    SELECT topic, partition, o, convert_to(format('{"customer_id":"%s","heart_rate":74,"event_timestamp":"2026-11-22T14:39:00Z"}', n), 'UTF8'),
           code, 'as it was', timestamptz '2026-11-22 14:00+00' + n * interval '1 minute'
    FROM (VALUES (1, 'heartbeat-events', 0, 0, 'INVALID_JSON'), (2, 'heartbeat-events', 0, 1, 'INVALID_JSON'),
                 (3, 'heartbeat-events', 0, 2, '23514'), (4, 'heartbeat-events', 0, 3, 'MISSING_FIELD'),
                 (5, 'heartbeat-events', 0, 4, '23514'), (6, 'heartbeat-events', 0, 5, '23514'),
                 (7, 'heartbeat-events', 1, 0, '23514'), (8, 'heartbeat-events', 1, 1, 'MISSING_FIELD'),
                 (9, 'other', 0, 0, '23514'), (10, 'other', 0, 1, 'MISSING_FIELD')) l (n, topic, partition, o, code)
    ORDER BY n;
CREATE VIEW left_over AS SELECT string_agg(id::text, ' ' ORDER BY id) AS left FROM heartbeat_dead_letters WHERE resolved_at IS NULL;
SELECT error_code, dead_letters, first_arrived_at, last_arrived_at, example_id, example_topic, example_partition,
       example_offset, example_error FROM heartbeat_dead_letter_summary;
SELECT * FROM heartbeat_retry_dead_letters('INVALID_JSON');
TABLE left_over;
SELECT * FROM heartbeat_retry_dead_letters('INVALID_JSON');
SELECT * FROM heartbeat_retry_dead_letters(topic => 'other', error_code => 'MISSING_FIELD');
TABLE left_over;
SELECT * FROM heartbeat_retry_dead_letters(partition => 1);
TABLE left_over;
SELECT * FROM heartbeat_retry_dead_letters(arrived_since => '2026-11-22 14:04+00', arrived_until => '2026-11-22 14:06+00');
TABLE left_over;
SELECT * FROM heartbeat_retry_dead_letters(ids => ARRAY[9, 1, 999]);
SELECT * FROM heartbeat_retry_dead_letters(ids => '{}');
TABLE left_over;
SELECT * FROM heartbeat_retry_dead_letters(NULL, NULL, NULL, NULL, NULL, NULL);
TABLE left_over;
TABLE counters;
SELECT topic, partition, difference FROM heartbeat_audit();
SELECT * FROM heartbeat_audit_tables();

-- the retry counts the remaining dead letters by their present error; original_payload keeps the payload that arrived
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    SELECT 'heartbeat-events', 1, n, convert_to(payload, 'UTF8'), 'OLD', 'as it was'
    FROM (VALUES (2, 'nonsense'), (3, 'more nonsense'), (4, '[]'), (5, NULL)) l (n, payload);
UPDATE heartbeat_offsets SET next_offset = 6, dead_letters = 4 WHERE topic = 'heartbeat-events' AND partition = 1;
SELECT * FROM heartbeat_retry_dead_letters();
UPDATE heartbeat_dead_letters SET payload = '{}' WHERE "offset" = 3 AND partition = 1;
UPDATE heartbeat_dead_letters SET payload = '{"customer_id":"mended","heart_rate":74,"event_timestamp":"2026-11-22T14:39:00Z"}'
    WHERE "offset" IN (3, 5) AND partition = 1;
SELECT * FROM heartbeat_retry_dead_letters();
SELECT "offset", error_code, resolved_at IS NOT NULL AS resolved, mended_at IS NOT NULL AS mended,
       convert_from(original_payload, 'UTF8') AS original, left(convert_from(payload, 'UTF8'), 24) AS payload
FROM heartbeat_dead_letters WHERE partition = 1 AND "offset" > 1 ORDER BY "offset";
SELECT error_code, dead_letters FROM heartbeat_dead_letter_summary;

-- a DELETE of an unresolved and of a resolved dead letter does not lower their counters: they still count the first as a dead
-- letter and the second as a reading
DELETE FROM heartbeat_dead_letters WHERE "offset" IN (2, 3) AND partition = 1;
SELECT topic, partition, dead_letters, dead_letters_deleted FROM heartbeat_offsets ORDER BY 1, 2;
SELECT * FROM heartbeat_audit_tables();
BEGIN;
TRUNCATE heartbeat_dead_letters;
SELECT topic, partition, dead_letters, dead_letters_deleted FROM heartbeat_offsets ORDER BY 1, 2;
SELECT * FROM heartbeat_audit_tables();
ROLLBACK;

DROP VIEW letters, counters, readings, left_over;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
