-- Tests heartbeat_apply_retention(). During this test heartbeat.retention is 30 days.
ALTER SYSTEM SET heartbeat.retention = '30d';
SELECT pg_reload_conf() AS told, clock_timestamp() + interval '30 s' AS deadline \gset
\set name heartbeat.retention
\set value 30d
\ir lib/await_setting.psql

SET timezone = 'UTC';
BEGIN;
SELECT plan(27);
SELECT now() - interval '30 days' AS cutoff \gset

-- Old weeks and new weeks have table partitions. The week that contains the time `cutoff` has no table partition.
SELECT heartbeat_make_partitions(now() - interval '60 days', now() - interval '40 days') AS old_made,
       heartbeat_make_partitions(now() - interval '20 days', now()) AS new_made \gset
CREATE TEMP VIEW partitions AS
    SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
    WHERE i.inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass);
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES
    ('week gone', 70, now() - interval '50 days'), ('default, gone', 70, now() - interval '31 days'),
    ('default, long gone', 70, '1999-12-31 23:59+00'), ('default, kept', 70, now() - interval '29 days'),
    ('the minute of the cutoff', 60, date_trunc('minute', :'cutoff'::timestamptz)),
    ('the minute of the cutoff', 80, date_trunc('minute', :'cutoff'::timestamptz) + interval '59.999999 s'),
    ('the future', 70, now() + interval '1 year'), ('today', 70, now());
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type) VALUES
    ('week gone', 200, now() - interval '50 days', 'TACHYCARDIA'),
    ('default, gone', 200, now() - interval '31 days', 'TACHYCARDIA'), ('today', 200, now(), 'TACHYCARDIA');
INSERT INTO heartbeat_rollup (minute_bucket, customer_id, sum_bpm, reading_count)
    SELECT date_trunc('minute', event_timestamp), customer_id, sum(heart_rate), count(*) FROM heartbeat_records GROUP BY 1, 2;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('pending, gone', 70, now() - interval '31 days');
INSERT INTO heartbeat_rollup_pending (minute_bucket, customer_id, sum_bpm, reading_count)
    VALUES (date_trunc('minute', now() - interval '31 days'), 'pending, gone', 70, 1);
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", error_code, error_text, arrived_at, resolved_at) VALUES
    ('t', 0, 1, 'TOMBSTONE', 'gone', now() - interval '31 days', NULL),
    ('t', 0, 2, 'TOMBSTONE', 'gone, resolved today', now() - interval '31 days', now()),
    ('t', 0, 3, 'TOMBSTONE', 'kept', now() - interval '29 days', NULL);
INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason, recorded_at) VALUES
    ('t', 0, 0, 1, 'gone', now() - interval '31 days'), ('t', 0, 3, 9, 'kept', now() - interval '29 days');
SELECT heartbeat_record_event('gone', NULL, NULL, now() - interval '31 days');
SELECT heartbeat_record_event('kept', NULL, NULL, now() - interval '29 days');
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, messages, readings, records, tachycardia, dead_letters,
                               empty_offsets)
    VALUES ('t', 0, 21, 0, 11, 11, 8, 3, 3, 7);
CREATE TEMP VIEW wrong AS
    (SELECT customer_id, date_trunc('minute', event_timestamp), avg(heart_rate), count(*) FROM heartbeat_records GROUP BY 1, 2
     EXCEPT SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary)
    UNION ALL
    (SELECT customer_id, minute_bucket, avg_bpm, reading_count FROM vw_customer_bpm_summary
     EXCEPT SELECT customer_id, date_trunc('minute', event_timestamp), avg(heart_rate), count(*)
     FROM heartbeat_records GROUP BY 1, 2);
SELECT is_empty('TABLE wrong', 'the summary is exact before retention');
SELECT cmp_ok(:old_made, '>=', 9, 'weeks before the cutoff have table partitions');
SELECT cmp_ok(:new_made, '>=', 9, 'weeks after the cutoff have table partitions');

-- A user creates a function and an operator in the extension's schema, with names that the server uses too. Their argument
-- types are exactly the types that heartbeat's functions pass. So in a call without a schema name, PostgreSQL would choose
-- the user's code and run it.
SAVEPOINT attack;
CREATE FUNCTION public.format(text, regclass) RETURNS text LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'format runs as %', current_user; END $$;
CREATE FUNCTION public.meddle(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'an operator runs as %', current_user; END $$;
CREATE OPERATOR public.= (FUNCTION = public.meddle, LEFTARG = oid, RIGHTARG = regclass);
INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES (now());
SELECT lives_ok('SELECT heartbeat_apply_retention()', 'heartbeat_apply_retention() calls no function or operator of another role');
SELECT lives_ok('SELECT heartbeat_summarize_partitions()', 'heartbeat_summarize_partitions() calls no function or operator of another role');
ROLLBACK TO SAVEPOINT attack;

-- a role with EXECUTE on heartbeat_apply_retention() needs no right on the dropped tables
CREATE ROLE heartbeat_pgtap_operator;
GRANT EXECUTE ON FUNCTION heartbeat_apply_retention() TO heartbeat_pgtap_operator;
SET LOCAL ROLE heartbeat_pgtap_operator;
SELECT * FROM heartbeat_apply_retention() \gset
RESET ROLE;
SELECT is(:partitions_dropped, :old_made, 'the table partitions before the cutoff are dropped');
SELECT is(:readings_deleted, 4, 'older readings in the default partitions are deleted');
SELECT is(:dead_letters_deleted, 2, 'older dead letters are deleted, resolved or not');
SELECT is((SELECT count(*) FROM partitions), :new_made + 3::bigint, 'the other table partitions stay');
SELECT is_empty($$SELECT relname FROM pg_class WHERE relkind = 'r' AND relname ~ '^heartbeat_.*_[0-9]+w[0-9]+$'
                  AND relname NOT IN (SELECT relname FROM partitions)$$, 'no table remains detached');
SELECT set_eq('SELECT customer_id FROM heartbeat_records',
              ARRAY['default, kept', 'the minute of the cutoff', 'the future', 'today'], 'newer records stay');
SELECT set_eq('SELECT customer_id FROM heartbeat_anomalies', ARRAY['today'], 'newer anomalies stay');
SELECT set_eq('SELECT error_text FROM heartbeat_dead_letters', ARRAY['kept'], 'newer dead letters stay');
SELECT set_eq('SELECT reason FROM heartbeat_gaps', ARRAY['kept'], 'newer gaps stay');
SELECT is_empty('TABLE wrong', 'the summary is exact after retention, also in the minute of the cutoff');
SELECT results_eq('SELECT kind::text COLLATE "default", role, reason, details FROM heartbeat_events ORDER BY id',
                  format($$VALUES ('kept', %L, NULL::text, NULL::jsonb), ('retention', %1$L, 'older than 30d',
                         '{"partitions_dropped": %s, "readings_deleted": 4, "dead_letters_deleted": 2}')$$,
                         session_user, :old_made),
                  'old events are deleted, and one event records the retention');
SELECT set_eq('SELECT difference FROM heartbeat_audit()', ARRAY[0], 'the audit shows no difference after retention');
SELECT is((SELECT value FROM vw_pipeline_summary WHERE metric = 'total_records'), '8', 'retention does not lower the totals');
SELECT is((SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'), '1',
          'retention does not lower the number of customers');

SELECT results_eq('SELECT * FROM heartbeat_apply_retention()', $$VALUES (0, 0::bigint, 0::bigint)$$, 'a second heartbeat_apply_retention() has nothing to do');

-- the week of the cutoff stays until all of its days are old
SELECT heartbeat_make_partitions(:'cutoff', :'cutoff') AS made \gset
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
    SELECT 'week of the cutoff', 70, date_trunc('week', :'cutoff'::timestamptz);
SELECT results_eq('SELECT * FROM heartbeat_apply_retention()', $$VALUES (0, 0::bigint, 0::bigint)$$,
                  'a week that is partly old is not dropped');
SELECT is((SELECT count(*) FROM heartbeat_records WHERE customer_id = 'week of the cutoff'), 1::bigint,
          'rows are kept for up to a week longer');
SELECT is((SELECT count(*) FROM heartbeat_records WHERE customer_id = 'the minute of the cutoff'),
          2::bigint, 'a minute is kept or deleted as a whole');

-- A table partition can be a foreign table, a week with a foreign part and a view, a divided week with a view, or a table of
-- another owner. Retention detaches these table partitions, and drops the other weeks.
CREATE ROLE heartbeat_pgtap_owner;
SELECT heartbeat_set_owner('heartbeat_pgtap_owner');
CREATE FOREIGN DATA WRAPPER heartbeat_pgtap;
CREATE SERVER heartbeat_pgtap FOREIGN DATA WRAPPER heartbeat_pgtap;
CREATE FOREIGN TABLE far PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-01') TO ('2001-01-08') SERVER heartbeat_pgtap;
CREATE TABLE far_part PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-08') TO ('2001-01-15') PARTITION BY HASH (customer_id);
CREATE FOREIGN TABLE far_part_1 PARTITION OF far_part FOR VALUES WITH (MODULUS 1, REMAINDER 0) SERVER heartbeat_pgtap;
CREATE TABLE divided PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-15') TO ('2001-01-22') PARTITION BY HASH (customer_id);
CREATE TABLE divided_1 PARTITION OF divided FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE strange PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-22') TO ('2001-01-29');
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('divided', 70, '2001-01-15'), ('strange', 70, '2001-01-22');
ALTER TABLE far_part OWNER TO heartbeat_pgtap_owner;
ALTER TABLE divided OWNER TO heartbeat_pgtap_owner;
ALTER TABLE divided_1 OWNER TO heartbeat_pgtap_owner;
ALTER TABLE strange OWNER TO heartbeat_pgtap_operator;
CREATE VIEW of_far_part AS TABLE far_part;
CREATE VIEW of_divided AS TABLE divided;
SELECT heartbeat_make_partitions('2001-01-29', '2001-01-29');
SET LOCAL client_min_messages = error;
SELECT lives_ok('SELECT heartbeat_apply_retention()', 'retention succeeds although it cannot drop some table partitions');
RESET client_min_messages;
SELECT is_empty($$SELECT relname FROM partitions WHERE relname !~ '^heartbeat' OR relname ~ '2001'$$, 'retention drops or detaches each old week');
SELECT set_eq($$SELECT relname FROM pg_class WHERE relname IN ('far', 'far_part', 'divided', 'strange', 'heartbeat_records_2001w05')$$,
              ARRAY['far', 'far_part', 'divided', 'strange'], 'retention drops the week that it can drop');
SELECT set_eq('SELECT customer_id FROM divided UNION ALL SELECT customer_id FROM strange', ARRAY['strange'],
              'retention empties a table partition only if the table belongs to the extension''s owner');

SELECT * FROM finish();
ROLLBACK;

ALTER SYSTEM RESET heartbeat.retention;
SELECT pg_reload_conf() AS told, clock_timestamp() + interval '30 s' AS deadline \gset
\set value 0
\ir lib/await_setting.psql
