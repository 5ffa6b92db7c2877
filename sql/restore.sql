-- CREATE EXTENSION as a dump does it: ingest waits for heartbeat_resume(), and says so.
SET client_min_messages = warning;
DROP EXTENSION heartbeat;

-- a person's is not held back
CREATE EXTENSION heartbeat;
SELECT hold, paused FROM heartbeat_control;
DROP EXTENSION heartbeat;

-- also where row_security is off for everybody
ALTER DATABASE :"DBNAME" SET row_security = off;
\c -
SET client_min_messages = warning;
SHOW row_security;
CREATE EXTENSION heartbeat;
SELECT hold, paused FROM heartbeat_control;
DROP EXTENSION heartbeat;

-- the one that pg_dump's output makes is; what the dump brings comes on top
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

-- whatever the dump says of row_security, pg_restore says who it is
SET application_name = 'pg_restore';
CREATE EXTENSION heartbeat;
RESET application_name;
SELECT hold, paused FROM heartbeat_control;

-- it is no part of the next dump
SELECT extcondition[array_position(extconfig, 'heartbeat_control'::regclass::oid)] FROM pg_extension WHERE extname = 'heartbeat';
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
ALTER DATABASE :"DBNAME" RESET row_security;
