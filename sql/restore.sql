-- CREATE EXTENSION in a restore of a dump: ingest waits for heartbeat_resume(), and the reason of the pause names the restore.
SET client_min_messages = warning;
DROP EXTENSION heartbeat;

-- if a person runs CREATE EXTENSION, ingest does not wait
CREATE EXTENSION heartbeat;
SELECT hold, paused FROM heartbeat_control;
DROP EXTENSION heartbeat;

-- The script of a dump sets row_security to off in its session. If the database sets row_security to off for every session, the
-- setting does not show a restore, so ingest does not wait.
ALTER DATABASE :"DBNAME" SET row_security = off;
\c -
SET client_min_messages = warning;
SHOW row_security;
CREATE EXTENSION heartbeat;
SELECT hold, paused FROM heartbeat_control;
DROP EXTENSION heartbeat;

-- if the script of a dump runs CREATE EXTENSION, ingest waits, because the script inserts the rows of the dump later
SET row_security = off;
CREATE EXTENSION IF NOT EXISTS heartbeat WITH SCHEMA public;
RESET row_security;
SELECT hold, paused, reason FROM heartbeat_control;
COPY heartbeat_control (hold, paused, reason, changed_by, changed_at) FROM stdin;
pause	t	disk is being replaced	nina	2026-11-22 14:39:02+00
\.
SELECT * FROM heartbeat_seek(0, 5);
SELECT heartbeat_resume();
SELECT hold, paused, reason FROM heartbeat_control;
DROP EXTENSION heartbeat;

-- heartbeat recognizes pg_restore by its application_name, with any value of row_security
SET application_name = 'pg_restore';
CREATE EXTENSION heartbeat;
RESET application_name;
SELECT hold, paused FROM heartbeat_control;

-- the pause is not part of the next dump
SELECT extcondition[array_position(extconfig, 'heartbeat_control'::regclass::oid)] FROM pg_extension WHERE extname = 'heartbeat';
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
ALTER DATABASE :"DBNAME" RESET row_security;
