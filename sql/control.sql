-- Pause, resume and seek: what they record, in transactions, and what they refuse.
SET timezone = 'UTC';
SET client_min_messages = warning;
\set SHOW_CONTEXT never
CREATE ROLE regress_heartbeat_nina;
CREATE ROLE regress_heartbeat_omar;
GRANT EXECUTE ON FUNCTION heartbeat_pause(text), heartbeat_resume(), heartbeat_seek(integer, bigint)
    TO regress_heartbeat_nina, regress_heartbeat_omar;
CREATE VIEW control AS SELECT paused, reason, changed_by, changed_at = now() AS now FROM heartbeat_control;

-- nobody has paused yet; resuming what runs changes nothing
SELECT * FROM control;
SELECT heartbeat_resume();
SELECT * FROM control;

-- a pause takes effect at commit, undone by rollback; it says why and who
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

-- whoever pauses again is the one who says why, or says nothing
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
-- resuming twice is no change: it stays known who did it
SET SESSION AUTHORIZATION regress_heartbeat_omar;
SELECT heartbeat_resume();
RESET SESSION AUTHORIZATION;
SELECT paused, reason, changed_by FROM control;

-- a seek needs a pause, and sound arguments before that
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, records, empty_offsets)
    VALUES ('heartbeat-events', 0, 100, 20, 75, 5), ('other', 0, 100, 20, 75, 5);
SELECT * FROM heartbeat_seek(0, 50);
SELECT * FROM heartbeat_seek('2026-11-22 14:39+00');
SELECT * FROM heartbeat_seek(0, -1);
SELECT * FROM heartbeat_seek(-1, 0);
SELECT * FROM heartbeat_seek(NULL::integer, 0);
SELECT * FROM heartbeat_seek(0, NULL);
SELECT * FROM heartbeat_seek('infinity'::timestamptz);
SELECT * FROM heartbeat_seek(NULL::timestamptz);

-- back: the offsets gone over again are counted twice, and that is what the audit expects
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
-- the messages are read again, as duplicates
UPDATE heartbeat_offsets SET next_offset = 100, duplicates = duplicates + 50 WHERE topic = 'heartbeat-events';
SELECT topic, partition, offsets_passed, duplicates, difference FROM heartbeat_audit();
-- to before the first one ever read
SELECT * FROM heartbeat_seek(0, 5);
SELECT topic, partition, offsets_passed, difference FROM heartbeat_audit();
UPDATE heartbeat_offsets SET next_offset = 100, duplicates = duplicates + 80, records = records + 15
    WHERE topic = 'heartbeat-events';
SELECT topic, partition, offsets_passed, duplicates, difference FROM heartbeat_audit();

-- forward: what is skipped is recorded, with who did it
SET SESSION AUTHORIZATION regress_heartbeat_omar;
SELECT * FROM heartbeat_seek(0, 1000);
SELECT * FROM heartbeat_seek(0, 1000);
RESET SESSION AUTHORIZATION;
TABLE progress;
SELECT topic, partition, from_offset, to_offset, reason, recorded_by FROM heartbeat_gaps;
SELECT topic, partition, offsets_passed, empty_offsets, difference FROM heartbeat_audit();

-- a partition that has never been read begins there
SELECT * FROM heartbeat_seek(7, 9223372036854775807);
SELECT * FROM heartbeat_seek(7, 1000000000000000);
SELECT * FROM heartbeat_seek(3, 0);
TABLE progress;
SELECT topic, partition, offsets_passed, difference FROM heartbeat_audit() WHERE partition <> 0;
SELECT count(*) AS gaps FROM heartbeat_gaps;

-- by time, Kafka has to be asked
SELECT * FROM heartbeat_seek('2026-11-22 14:39+00');

-- the first call of a session finds its setting
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
