-- Pause, resume and seek: the rows that they write, their transactions, and the calls that they refuse.
SET timezone = 'UTC';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_heartbeat_nina;
CREATE ROLE regress_heartbeat_omar;
GRANT EXECUTE ON FUNCTION heartbeat_pause(text, text), heartbeat_resume(text), heartbeat_seek(integer, bigint, text)
    TO regress_heartbeat_nina, regress_heartbeat_omar;
CREATE VIEW control AS SELECT paused, reason, changed_by, changed_at = now() AS now FROM heartbeat_control;

-- ingest is not paused yet, so a resume changes nothing
SELECT * FROM control;
SELECT heartbeat_resume();
SELECT * FROM control;

-- a pause takes effect when its transaction commits, and has no effect after a rollback; the row has the reason and the role
SET SESSION AUTHORIZATION regress_heartbeat_nina;
BEGIN;
SELECT heartbeat_pause('disk is being replaced');
RESET SESSION AUTHORIZATION;
SELECT * FROM control;
ROLLBACK;
RESET SESSION AUTHORIZATION;
SELECT * FROM control;

BEGIN;
SAVEPOINT before_pause;
SELECT heartbeat_pause('undone by a savepoint');
ROLLBACK TO SAVEPOINT before_pause;
SET SESSION AUTHORIZATION regress_heartbeat_nina;
SELECT heartbeat_pause('disk is being replaced');
RESET SESSION AUTHORIZATION;
SELECT * FROM control;
COMMIT;
SELECT paused, reason, changed_by FROM control;

-- a second pause replaces or removes the reason of the first pause
SET SESSION AUTHORIZATION regress_heartbeat_omar;
SELECT heartbeat_pause();
RESET SESSION AUTHORIZATION;
SELECT paused, reason, changed_by FROM control;

BEGIN;
SELECT heartbeat_resume();
SELECT paused FROM control;
ROLLBACK;
SELECT paused, changed_by FROM control;
SET SESSION AUTHORIZATION regress_heartbeat_nina;
SELECT heartbeat_resume();
RESET SESSION AUTHORIZATION;
SELECT paused, reason, changed_by FROM control;
-- a second resume changes nothing: the row keeps the role of the first resume
SET SESSION AUTHORIZATION regress_heartbeat_omar;
SELECT heartbeat_resume();
RESET SESSION AUTHORIZATION;
SELECT paused, reason, changed_by FROM control;

-- heartbeat_seek() refuses a seek without a pause; it refuses invalid arguments before it looks for a pause
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, messages, readings, records, empty_offsets)
    VALUES ('heartbeat-events', 0, 100, 20, 75, 75, 75, 5), ('other', 0, 100, 20, 75, 75, 75, 5);
SELECT * FROM heartbeat_seek(0, 50);
SELECT * FROM heartbeat_seek('2026-11-22 14:39+00');
SELECT * FROM heartbeat_seek(0, -1);
SELECT * FROM heartbeat_seek(-1, 0);
SELECT * FROM heartbeat_seek(NULL::integer, 0);
SELECT * FROM heartbeat_seek(0, NULL);
SELECT * FROM heartbeat_seek('infinity'::timestamptz);
SELECT * FROM heartbeat_seek(NULL::timestamptz);

-- after a seek to an earlier offset, the worker reads some offsets again; the counters and the audit count these offsets twice
CREATE VIEW progress AS
    SELECT topic, partition, next_offset, first_offset, rewound, empty_offsets, records
    FROM heartbeat_offsets ORDER BY topic, partition;
SELECT heartbeat_pause('seek');
BEGIN;
SELECT * FROM heartbeat_seek(0, 50);
TABLE progress;
ROLLBACK;
TABLE progress;
SELECT * FROM heartbeat_seek(0, 50);
TABLE progress;
SELECT * FROM heartbeat_gaps;
SELECT topic, partition, offsets_passed, difference FROM heartbeat_audit();
-- the test changes the counters as if the worker had read the messages again and had found only duplicates
UPDATE heartbeat_offsets SET next_offset = 100, messages = messages + 50, readings = readings + 50, duplicates = duplicates + 50
    WHERE topic = 'heartbeat-events';
SELECT topic, partition, offsets_passed, duplicates, difference FROM heartbeat_audit();
-- a seek to an offset before the first offset that the worker has read
SELECT * FROM heartbeat_seek(0, 5);
SELECT topic, partition, offsets_passed, difference FROM heartbeat_audit();
UPDATE heartbeat_offsets SET next_offset = 100, messages = messages + 95, readings = readings + 95, duplicates = duplicates + 80,
                             records = records + 15
    WHERE topic = 'heartbeat-events';
SELECT topic, partition, offsets_passed, duplicates, difference FROM heartbeat_audit();

-- after a seek to a later offset, heartbeat_gaps has the skipped offsets and the role that called heartbeat_seek()
SET SESSION AUTHORIZATION regress_heartbeat_omar;
SELECT * FROM heartbeat_seek(0, 1000);
SELECT * FROM heartbeat_seek(0, 1000);
RESET SESSION AUTHORIZATION;
TABLE progress;
SELECT topic, partition, from_offset, to_offset, reason, recorded_by FROM heartbeat_gaps;
SELECT topic, partition, offsets_passed, empty_offsets, difference FROM heartbeat_audit();

-- a Kafka partition that was never read begins at the offset of the seek
SELECT * FROM heartbeat_seek(7, 9223372036854775807);
SELECT * FROM heartbeat_seek(7, 1000000000000000);
SELECT * FROM heartbeat_seek(3, 0);
TABLE progress;
SELECT topic, partition, offsets_passed, difference FROM heartbeat_audit() WHERE partition <> 0;
SELECT count(*) AS gaps FROM heartbeat_gaps;

-- a seek by time has to ask Kafka
SELECT * FROM heartbeat_seek('2026-11-22 14:39+00');

-- the first call in a new session must load the library, because the called functions read settings that only the library defines
\c -
SET client_min_messages = warning;
SELECT * FROM heartbeat_seek(0, 1000);
\c -
SET client_min_messages = warning;
SELECT * FROM heartbeat_apply_retention();

DROP VIEW control, progress;
DROP EXTENSION heartbeat;
DROP ROLE regress_heartbeat_nina, regress_heartbeat_omar;
CREATE EXTENSION heartbeat;
