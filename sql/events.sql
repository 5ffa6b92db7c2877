-- The table heartbeat_events: each action of a role adds a row with the reason, in the transaction of the action. The test also
-- checks how many rows heartbeat keeps, and which roles may read these rows.
SET timezone = 'UTC';
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_heartbeat_nina;
CREATE ROLE regress_heartbeat_reader;
GRANT EXECUTE ON FUNCTION heartbeat_pause(text, text), heartbeat_resume(text), heartbeat_seek(integer, bigint, text),
    heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[], boolean, text) TO regress_heartbeat_nina;
GRANT SELECT ON heartbeat_events TO regress_heartbeat_reader;
CREATE VIEW events AS SELECT role, kind, reason, details FROM heartbeat_events ORDER BY id;
SELECT role = session_user AS mine FROM heartbeat_actor() role;

-- each action adds a row with the session's role, even if the function acts as another role
SET SESSION AUTHORIZATION regress_heartbeat_nina;
SELECT heartbeat_pause('disk is being replaced');
SELECT * FROM heartbeat_seek(0, 5);
SELECT * FROM heartbeat_seek(0, 50);
SELECT heartbeat_resume();
RESET SESSION AUTHORIZATION;
TABLE events;
SELECT bool_and(happened_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp()) AS just_now
FROM heartbeat_events;

-- an action that is rolled back or refused adds no row
TRUNCATE heartbeat_events;
BEGIN;
SELECT heartbeat_pause('not meant');
SELECT kind, reason FROM events;
ROLLBACK;
SELECT heartbeat_seek(0, 5);
TABLE events;

-- a retry that finds no dead letters adds no row; a retry that finds dead letters adds a row, even if it resolves none of them
SELECT * FROM heartbeat_retry_dead_letters();
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    VALUES ('heartbeat-events', 0, 2, '{"customer_id":"CUST-2","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"}',
            'INVALID_JSON', 'by hand'), ('heartbeat-events', 0, 3, 'garbage', 'INVALID_JSON', 'by hand');
SELECT * FROM heartbeat_retry_dead_letters();
SELECT kind, details FROM events;

-- heartbeat_record_event() also deletes old rows, but it keeps the newest ten thousand rows and all rows of the last seven days
TRUNCATE heartbeat_events RESTART IDENTITY;
INSERT INTO heartbeat_events (happened_at, role, kind, reason)
    SELECT now() - interval '6 days', session_user, 'many', n FROM generate_series(1, 10050) n;
SELECT heartbeat_record_event('one more', NULL);
SELECT count(*) FROM heartbeat_events;
UPDATE heartbeat_events SET happened_at = now() - interval '8 days' WHERE kind = 'many';
SELECT heartbeat_record_event('one more', NULL);
SELECT count(*), min(id) FROM heartbeat_events;

-- with REPEATABLE READ, heartbeat_record_event() deletes no old rows; the next call with READ COMMITTED deletes these rows
BEGIN ISOLATION LEVEL REPEATABLE READ;
SELECT count(*) AS recorded FROM generate_series(1, 3) n, heartbeat_record_event('strict', n::text);
SELECT count(*) FROM heartbeat_events;
COMMIT;
SELECT heartbeat_record_event('one more', NULL);
SELECT count(*) FROM heartbeat_events;

-- A role gets at most a hundred rows for the same action in a minute. The last of these rows counts the further actions. The rows
-- of other actions stay.
TRUNCATE heartbeat_events;
SELECT heartbeat_record_event('deed', 'to be seen');
SELECT count(*) AS recorded FROM generate_series(1, 150) n, heartbeat_record_event('much', n::text, jsonb_build_object('n', n));
SELECT kind, count(*), max(details->>'repeated') AS repeated, max(details->'last_details'->>'n') AS last FROM heartbeat_events
    GROUP BY kind ORDER BY kind;
UPDATE heartbeat_events SET happened_at = happened_at - interval '1 minute';
SELECT heartbeat_record_event('much', 'a minute later');
SELECT count(*) FROM heartbeat_events WHERE kind = 'much';

-- the clock was set back by a day: the rows in the future do not count, so each further action gets a row
UPDATE heartbeat_events SET happened_at = now() + interval '1 day' WHERE kind = 'much';
SELECT count(*) AS recorded FROM generate_series(1, 3) n, heartbeat_record_event('much', n::text);
SELECT count(*) FROM heartbeat_events WHERE kind = 'much' AND happened_at < now() + interval '1 hour';

-- a role with the right SELECT may read the events, but may not change them
SET ROLE regress_heartbeat_reader;
SELECT count(*) > 0 AS reads FROM heartbeat_events;
DELETE FROM heartbeat_events;
SELECT heartbeat_record_event('forged', NULL);
SET ROLE regress_heartbeat_nina;
SELECT count(*) FROM heartbeat_events;
RESET ROLE;

DROP VIEW events;
DROP EXTENSION heartbeat;
DROP ROLE regress_heartbeat_nina, regress_heartbeat_reader;
CREATE EXTENSION heartbeat;
