-- Tables, views and table partitions as the documents describe them.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;

-- tables: columns, types, NOT NULL, defaults, collations
SELECT c.relname AS table, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type, a.attnotnull AS not_null,
       CASE WHEN a.attcollation <> t.typcollation THEN o.collname END AS collation,
       regexp_replace(pg_get_expr(d.adbin, d.adrelid), '''.*''', '''...''') AS default
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_collation o ON o.oid = a.attcollation
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relname ~ '^heartbeat_' AND c.relkind IN ('r', 'p') AND NOT c.relispartition
ORDER BY c.relname COLLATE "C", a.attnum;

-- views: columns and types
SELECT c.relname AS view, a.attname AS column, format_type(a.atttypid, a.atttypmod) AS type
FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
WHERE c.relname ~ '^(heartbeat_|vw_)' AND c.relkind = 'v'
ORDER BY c.relname COLLATE "C", a.attnum;

-- ids are bigint, except source_id, and no sequence begins again after its last value
SELECT sequencename, data_type, max_value, cycle FROM pg_sequences WHERE sequencename ~ '^heartbeat_'
ORDER BY sequencename COLLATE "C";

-- table partitions: one for each week, from Monday in UTC, by the ISO year
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('before', 70, '2026-11-15 23:59:59.999999+00'),
    ('first', 71, '2026-11-16 00:00:00+00'),
    ('last', 72, '2026-11-22 23:59:59.999999+00'),
    ('after', 73, '2026-11-23 00:00:00+00');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('first', 30, '2026-11-16 00:00:00+00', 'BRADYCARDIA'), ('after', 200, '2026-11-23 00:00:00+00', 'TACHYCARDIA');
INSERT INTO heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count) VALUES
    ('2026-11-16 00:00+00', 'first', 71, 1), ('2026-11-23 00:00+00', 'after', 73, 1);
CREATE TEMP TABLE before AS SELECT id, customer_id, heart_rate, event_timestamp, ingested_at FROM heartbeat_records;
SELECT heartbeat_make_partitions('2026-11-18 12:00+00', '2026-11-18 12:00+00') AS made;

CREATE VIEW heartbeat_partition_list AS
    SELECT i.inhparent::regclass AS parent, c.relname AS partition, pg_get_expr(c.relpartbound, c.oid) AS bound
    FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass)
    ORDER BY c.relname COLLATE "C";
SELECT * FROM heartbeat_partition_list;

-- the rows of the week have moved out of the default partitions unchanged, and no other rows have moved
SELECT tableoid::regclass AS partition, customer_id FROM heartbeat_records ORDER BY event_timestamp;
SELECT tableoid::regclass AS partition, customer_id FROM heartbeat_anomalies ORDER BY event_timestamp;
SELECT tableoid::regclass AS partition, customer_id FROM heartbeat_rollup ORDER BY minute_bucket;
(TABLE before EXCEPT SELECT id, customer_id, heart_rate, event_timestamp, ingested_at FROM heartbeat_records)
UNION ALL
(SELECT id, customer_id, heart_rate, event_timestamp, ingested_at FROM heartbeat_records EXCEPT TABLE before);

-- new rows go directly to the table partition of their week, with ids of the same sequence and the defaults of the parent
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('new', 80, '2026-11-17 00:00+00')
    RETURNING tableoid::regclass AS partition, id > (SELECT max(id) FROM before) AS higher_id, ingested_at = now() AS now;

-- a second call changes nothing
SELECT heartbeat_make_partitions('2026-11-18 12:00+00', '2026-11-18 12:00+00') AS made;
SELECT heartbeat_make_partitions('2026-11-16 00:00+00', '2026-11-22 23:59:59.999999+00') AS made;
SELECT heartbeat_make_partitions(NULL, NULL) AS made;
-- heartbeat_make_partitions() creates only missing table partitions. The session's time zone and date style have no effect. The
-- ISO year of 2027-01-01 is 2026.
SET timezone = 'Pacific/Auckland';
SET datestyle = 'SQL, DMY';
SELECT heartbeat_make_partitions('2026-11-22 23:59:59.999999+00', '2026-11-23 00:00+00') AS made;
SELECT heartbeat_make_partitions('2027-01-01 00:00+00', '2027-01-01 00:00+00') AS made;
SELECT heartbeat_make_partitions('1969-12-28 23:59:59.999999+00', '1969-12-29 00:00:00+00') AS made;
SET timezone = 'UTC';
SET datestyle = 'ISO';
SELECT * FROM heartbeat_partition_list WHERE parent = 'heartbeat_records'::regclass;
SELECT tableoid::regclass AS partition, customer_id FROM heartbeat_records WHERE customer_id = 'after';

-- heartbeat_make_partitions() refuses a period of more than ten years
\set VERBOSITY terse
SELECT heartbeat_make_partitions('2000-01-03 00:00+00', '2010-01-03 00:00:00.000001+00') AS made;
\set VERBOSITY default
SELECT count(*) FROM heartbeat_partition_list;

-- heartbeat.retention is 0 here, so no row is too old, not even a row of 1969
SELECT * FROM heartbeat_apply_retention();
SELECT count(*) FROM heartbeat_partition_list;

-- The table partitions have keys and indexes, and the parents have none. The reason: the restore of a dump creates each table
-- partition as a separate table with its own key, and then attaches the table to the parent.
SELECT c.relname AS table, d.definition
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid, LATERAL (SELECT pg_get_indexdef(i.indexrelid) AS definition) d
WHERE c.relname ~ '^heartbeat_' AND c.relname !~ '_(1969|1970|2026)w'
ORDER BY c.relname COLLATE "C", d.definition COLLATE "C";
SELECT c.relname AS table, count(i.*) AS indexes, count(*) FILTER (WHERE i.indisprimary) AS primary_keys
FROM pg_class c LEFT JOIN pg_index i ON i.indrelid = c.oid
WHERE c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup') OR c.relname ~ '_2026w4[78]$'
GROUP BY c.relname ORDER BY c.relname COLLATE "C";

-- a new table partition has the checks of its parent
SELECT conrelid::regclass AS table, conname FROM pg_constraint
WHERE contype = 'c' AND conrelid::regclass::text ~ '_2026w47$' ORDER BY conrelid::regclass::text COLLATE "C";

-- the members of the extension whose rows pg_dump writes
SELECT c::regclass AS dumped FROM pg_extension e, unnest(e.extconfig) c
WHERE e.extname = 'heartbeat' ORDER BY c::regclass::text COLLATE "C";

DROP VIEW heartbeat_partition_list;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
