-- CREATE EXTENSION and DROP EXTENSION: the objects that they create and drop, in any schema.
SET client_min_messages = warning;

-- pg_regress has installed the default version, so `newest` is true. While a Debian package is built, pg_available_extensions
-- has no row for heartbeat, so coalesce() makes `newest` true.
SELECT n.nspname AS schema, coalesce(e.extversion = a.default_version, true) AS newest, e.extrelocatable AS relocatable
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace LEFT JOIN pg_available_extensions a ON a.name = e.extname
WHERE e.extname = 'heartbeat';

-- in newer versions of PostgreSQL the row types of the tables are members too, so the view leaves out all types
CREATE VIEW heartbeat_members AS
    SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS member
    FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
    WHERE e.extname = 'heartbeat' AND d.deptype = 'e' AND d.classid <> 'pg_type'::regclass;
SELECT member FROM heartbeat_members ORDER BY member COLLATE "C";

-- every table, view, function and column has a comment (columns of a table partition have the comment of the parent)
SELECT member AS without_comment FROM heartbeat_members m
LEFT JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
WHERE coalesce(c.relkind, 'f') <> 'S' AND obj_description(m.objid, m.classid::regclass::text::name) IS NULL
UNION ALL
SELECT format('column %s of %s', a.attname, member)
FROM heartbeat_members m
JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid AND c.relkind <> 'S' AND NOT c.relispartition
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE col_description(c.oid, a.attnum) IS NULL
ORDER BY 1;
DROP VIEW heartbeat_members;

-- the extension can be created only once, and cannot be moved to another schema
CREATE EXTENSION heartbeat;
ALTER EXTENSION heartbeat SET SCHEMA pg_catalog;

-- DROP EXTENSION leaves no object of heartbeat: it also drops the table partitions that heartbeat has created since
-- CREATE EXTENSION
SELECT heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-23 00:00+00') AS made;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-1', 70, '2026-11-22 14:39+00');
SELECT heartbeat_pause();
CREATE VIEW heartbeat_left AS
    SELECT relname AS name FROM pg_class WHERE relname ~ '^(heartbeat_|vw_)' AND relname <> 'heartbeat_left'
    UNION ALL SELECT proname FROM pg_proc WHERE proname ~ '^heartbeat_'
    UNION ALL SELECT typname FROM pg_type WHERE typname ~ '^_?(heartbeat_|vw_)' AND typname !~ '^_?heartbeat_left$'
    UNION ALL SELECT conname FROM pg_constraint WHERE conname ~ '^heartbeat_';
SELECT count(*) > 100 AS something_is_there FROM heartbeat_left;
DROP EXTENSION heartbeat;
SELECT * FROM heartbeat_left;

-- all functions find their tables, even if the name of their schema needs quotes and the schema is not on the search path
CREATE SCHEMA "Odd schema.1";
CREATE EXTENSION heartbeat SCHEMA "Odd schema.1";
SELECT "Odd schema.1".heartbeat_classify(74);
SELECT "Odd schema.1".heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-22 00:00+00') AS made;
SELECT "Odd schema.1".heartbeat_pause('moving');
SELECT * FROM "Odd schema.1".heartbeat_seek(0, 5);
SELECT "Odd schema.1".heartbeat_resume();
SELECT paused, reason FROM "Odd schema.1".heartbeat_control;
INSERT INTO "Odd schema.1".heartbeat_records (customer_id, heart_rate, event_timestamp)
    VALUES ('CUST-1', 70, '2026-11-22 14:39+00');
INSERT INTO "Odd schema.1".heartbeat_stale_minutes (minute_bucket) VALUES ('2026-11-22 14:39+00');
INSERT INTO "Odd schema.1".heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    VALUES ('heartbeat-events', 0, 5,
            '{"customer_id":1,"heart_rate":200,"event_timestamp":"2026-11-22T14:39:02Z"}', 'INVALID_JSON', 'by hand');
SELECT * FROM "Odd schema.1".heartbeat_retry_dead_letters();
SELECT * FROM "Odd schema.1".heartbeat_apply_retention();
SELECT tableoid::regclass, customer_id FROM "Odd schema.1".heartbeat_records
UNION ALL SELECT tableoid::regclass, customer_id FROM "Odd schema.1".heartbeat_anomalies;
SELECT customer_id, avg_bpm, reading_count FROM "Odd schema.1".vw_customer_bpm_summary;
SELECT difference FROM "Odd schema.1".heartbeat_audit();
SELECT count(*) FROM "Odd schema.1".heartbeat_status;
SELECT count(*) FROM "Odd schema.1".vw_pipeline_summary;
DROP EXTENSION heartbeat;
DROP SCHEMA "Odd schema.1";
SELECT * FROM heartbeat_left;
DROP VIEW heartbeat_left;

-- after the extension is dropped in one schema, it can be created in another schema
CREATE EXTENSION heartbeat;
SELECT count(*) FROM heartbeat_records;
