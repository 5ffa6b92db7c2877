-- The extension's schema: the name needs quotes, a role renames the schema later, and other roles have objects in the schema.
SET timezone = 'UTC';
\set SHOW_CONTEXT never
SET client_min_messages = warning;
DROP EXTENSION heartbeat;
CREATE SCHEMA "It's ""the"" Heart\Beat$1";
CREATE EXTENSION heartbeat SCHEMA "It's ""the"" Heart\Beat$1";
ALTER EXTENSION heartbeat SET SCHEMA public;
ALTER SCHEMA "It's ""the"" Heart\Beat$1" RENAME TO "Ward 7";

-- after a role has renamed the schema, all functions find their tables
SELECT "Ward 7".heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-22 00:00+00') AS made;
INSERT INTO "Ward 7".heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('CUST-1', 70, '2026-11-22 14:39+00'), ('CUST-1', 71, '2026-11-29 14:39+00');
INSERT INTO "Ward 7".heartbeat_stale_minutes (minute_bucket) VALUES ('2026-11-22 14:39+00');
SELECT "Ward 7".heartbeat_make_partitions('2026-11-29 00:00+00', '2026-11-29 00:00+00') AS made;
SELECT tableoid::regclass, customer_id FROM "Ward 7".heartbeat_records ORDER BY event_timestamp;
SELECT "Ward 7".heartbeat_summarize_partitions() >= 0 AS summarized;
SELECT * FROM "Ward 7".heartbeat_seek(0, 7);
SELECT "Ward 7".heartbeat_pause('renamed');
SELECT * FROM "Ward 7".heartbeat_seek(0, 7);
SELECT * FROM "Ward 7".heartbeat_seek(0, 9);
SELECT * FROM "Ward 7".heartbeat_seek(0, 8);
SELECT * FROM "Ward 7".heartbeat_seek('2026-11-22 14:39+00'::timestamptz);
SELECT paused, reason FROM "Ward 7".heartbeat_control;
SELECT "Ward 7".heartbeat_resume();
SELECT from_offset, to_offset, reason FROM "Ward 7".heartbeat_gaps;
INSERT INTO "Ward 7".heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text) VALUES
    ('heartbeat-events', 0, 2, '{"customer_id":"CUST-2","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"}', 'INVALID_JSON', 'by hand');
SELECT * FROM "Ward 7".heartbeat_retry_dead_letters();
SELECT * FROM "Ward 7".heartbeat_apply_retention();
SELECT customer_id, avg_bpm, reading_count FROM "Ward 7".vw_customer_bpm_summary ORDER BY 1;
SELECT count(*) FROM "Ward 7".vw_recent_anomalies;
SELECT value FROM "Ward 7".vw_pipeline_summary WHERE metric = 'total_records';
SELECT next_offset, rewound, empty_offsets FROM "Ward 7".heartbeat_offsets;
SELECT count(*) FROM "Ward 7".heartbeat_audit();
SELECT count(*) FROM "Ward 7".heartbeat_status;

-- no function contains the former name of the schema
SELECT proname FROM pg_proc WHERE pronamespace = '"Ward 7"'::regnamespace AND prosrc ~ 'Heart.?Beat';
DROP EXTENSION heartbeat;
DROP SCHEMA "Ward 7";

-- an object of another role in the schema has a name that the extension needs, so CREATE EXTENSION refuses the schema
CREATE ROLE regress_heartbeat_squatter;
CREATE SCHEMA shared;
GRANT CREATE, USAGE ON SCHEMA shared TO regress_heartbeat_squatter;
SET ROLE regress_heartbeat_squatter;
CREATE TABLE shared.heartbeat_offsets (topic text);
RESET ROLE;
CREATE EXTENSION heartbeat SCHEMA shared;
DROP TABLE shared.heartbeat_offsets;
SET ROLE regress_heartbeat_squatter;
CREATE FUNCTION shared.heartbeat_pause(text, text) RETURNS void LANGUAGE sql AS '';
RESET ROLE;
CREATE EXTENSION heartbeat SCHEMA shared;
DROP FUNCTION shared.heartbeat_pause(text, text);

-- Another role creates operators and functions that match a call better or make a call ambiguous. The constraints, views and
-- functions of the extension do not use these operators and functions.
SET ROLE regress_heartbeat_squatter;
CREATE FUNCTION shared.meddle(double precision, integer) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'meddling as %', current_user; END $$;
CREATE OPERATOR shared.>= (FUNCTION = shared.meddle, LEFTARG = double precision, RIGHTARG = integer);
CREATE FUNCTION shared.jsonb_build_object(text, text) RETURNS jsonb LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'meddling as %', current_user; END $$;
CREATE FUNCTION shared.heartbeat_is_distributed(x integer DEFAULT 0) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'meddling as %', current_user; END $$;
CREATE FUNCTION shared.heartbeat_classify(integer) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'meddling as %', current_user; END $$;
CREATE TYPE shared.heartbeat_records_2026w48 AS ENUM ('taken');
RESET ROLE;
CREATE EXTENSION heartbeat SCHEMA shared;
SELECT * FROM shared.heartbeat_check_objects();
SELECT shared.heartbeat_make_partitions('2026-11-28', '2026-11-28');
INSERT INTO shared.heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-1', 70, '2026-11-28 14:39+00');
SELECT relname ~ '^heartbeat_records_2026w48_[0-9a-f]{8}$' AS another_name
    FROM shared.heartbeat_records r JOIN pg_class c ON c.oid = r.tableoid;
SELECT * FROM shared.heartbeat_apply_retention();
SELECT labels->>'version' <> '' AS answers FROM shared.heartbeat_metrics WHERE name = 'heartbeat_info';
SELECT shared.heartbeat_pause('no meddling');
-- the test lets an object of the extension use another role's function, and heartbeat_check_objects() finds this object
ALTER TABLE shared.heartbeat_events ALTER kind SET DEFAULT shared.heartbeat_classify(1);
SELECT * FROM shared.heartbeat_check_objects();
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
SET client_min_messages = warning;
DROP SCHEMA shared CASCADE;
DROP ROLE regress_heartbeat_squatter;
\c -
SET client_min_messages = warning;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
