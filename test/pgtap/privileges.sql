-- Reads the catalogs. PUBLIC may call only heartbeat_classify(), and has no other rights. A function that acts as its owner
-- (SECURITY DEFINER) does not use its caller's search_path.
BEGIN;
SELECT plan(16);

CREATE ROLE heartbeat_pgtap_nobody;
SELECT heartbeat_make_partitions(now(), now()) AS made \gset

CREATE TEMP VIEW members AS
    SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON d.refobjid = e.oid
    WHERE e.extname = 'heartbeat' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e';
CREATE TEMP VIEW functions AS
    SELECT p.* FROM members m JOIN pg_proc p ON m.classid = 'pg_proc'::regclass AND p.oid = m.objid;
CREATE TEMP VIEW relations AS
    SELECT c.* FROM members m JOIN pg_class c ON m.classid = 'pg_class'::regclass AND c.oid = m.objid
    UNION SELECT c.* FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN members m ON m.objid = i.inhparent;

SELECT cmp_ok((SELECT count(*) FROM functions), '>=', 16::bigint, 'the test looks at the functions');
SELECT cmp_ok((SELECT count(*) FROM relations), '>=', 23::bigint, 'the test looks at the tables, views and sequences');

SELECT set_eq($$SELECT oid::regprocedure::text FROM functions
                WHERE has_function_privilege('heartbeat_pgtap_nobody', oid, 'EXECUTE')$$,
              ARRAY['heartbeat_classify(double precision)'], 'PUBLIC may call only heartbeat_classify()');
-- The access control list also has rights of newer versions of PostgreSQL, such as MAINTAIN.
SELECT is_empty($$SELECT relname, a.privilege_type FROM relations, aclexplode(relacl) a WHERE relkind <> 'S' AND a.grantee = 0$$,
                'PUBLIC has no right on a table, table partition or view');
SELECT is_empty($$SELECT c.relname, a.attname FROM relations c JOIN pg_attribute a ON a.attrelid = c.oid
                  WHERE a.attacl IS NOT NULL$$, 'no column has rights of its own');
SELECT is_empty($$SELECT relname FROM relations WHERE CASE WHEN relkind = 'S' THEN
                  has_sequence_privilege('heartbeat_pgtap_nobody', oid, 'USAGE, SELECT, UPDATE') END$$,
                'PUBLIC has no right on a sequence');

SELECT set_eq($$SELECT oid::regprocedure::text FROM functions WHERE prosecdef$$,
              ARRAY['heartbeat_make_partitions(timestamp with time zone,timestamp with time zone)',
                    'heartbeat_pause(text,text)', 'heartbeat_resume(text)', 'heartbeat_seek(integer,bigint,text)',
                    'heartbeat_seek(timestamp with time zone,integer,text)',
                    'heartbeat_replay(timestamp with time zone,timestamp with time zone,integer,text)', 'heartbeat_retry_dead_letters(text,text,integer,timestamp with time zone,timestamp with time zone,bigint[],boolean,text)',
                    'heartbeat_count_deleted()',
                    'heartbeat_apply_retention()', 'heartbeat_summarize_partitions()',
                    'heartbeat_summarize_minute(timestamp with time zone)', 'heartbeat_rebuild_summary(timestamp with time zone,timestamp with time zone)', 'heartbeat_audit()',
                    'heartbeat_audit_tables()', 'heartbeat_upgrade_keys(integer)', 'heartbeat_state()', 'heartbeat_take_arrivals()', 'heartbeat_evaluate_alerts(text,boolean)',
                    'heartbeat_record_event(text,text,jsonb,timestamp with time zone)'],
              'exactly these functions act as the owner');
SELECT is_empty($$SELECT oid::regprocedure FROM functions f
                  WHERE (prosecdef OR prolang <> (SELECT oid FROM pg_language WHERE lanname = 'c'))
                  AND NOT EXISTS (SELECT FROM unnest(f.proconfig) setting
                                  WHERE setting LIKE 'search\_path=pg\_catalog, %pg\_temp')$$,
                'these functions, and all SQL functions, search pg_catalog first and pg_temp last');
SELECT is_empty($$SELECT oid::regprocedure FROM functions WHERE proowner <> (SELECT extowner FROM pg_extension
                  WHERE extname = 'heartbeat')$$, 'the owner of the extension owns the functions');

SELECT is((SELECT (superuser, trusted)::text FROM pg_available_extension_versions WHERE name = 'heartbeat' AND installed),
          '(t,f)', 'only a superuser may create the extension');

-- if another role calls heartbeat_make_partitions(), the extension's owner owns the new table partitions
CREATE ROLE heartbeat_pgtap_maker;
GRANT EXECUTE ON FUNCTION heartbeat_make_partitions(timestamptz, timestamptz) TO heartbeat_pgtap_maker;
SET LOCAL ROLE heartbeat_pgtap_maker;
SELECT heartbeat_make_partitions('2020-02-29 00:00+00', '2020-02-29 00:00+00') AS made \gset
RESET ROLE;
SELECT is(:made, 3, 'a role with the right can make table partitions');
SELECT tables_are('public', ARRAY['heartbeat_records_2020w09', 'heartbeat_anomalies_2020w09', 'heartbeat_rollup_2020w09']
    || ARRAY(SELECT tablename::text FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '_2020w'),
    'one table partition of each parent is made');
SELECT is_empty($$SELECT relname FROM relations WHERE relowner <> (SELECT extowner FROM pg_extension
                  WHERE extname = 'heartbeat')$$, 'the owner of the extension owns the tables and the table partitions');

-- the owner's default privileges must not give other roles a right to read patients' readings
ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO PUBLIC;
SELECT heartbeat_make_partitions('2020-03-09 00:00+00', '2020-03-09 00:00+00') AS made \gset
SELECT is_empty($$SELECT relname FROM relations WHERE relkind <> 'S' AND
                  has_table_privilege('heartbeat_pgtap_nobody', oid, 'SELECT')$$,
                'default privileges give PUBLIC no right on a new table partition');

-- the owner may have divided a table partition of a week into further table partitions, in several levels
CREATE FOREIGN DATA WRAPPER heartbeat_pgtap_wrapper;
CREATE SERVER heartbeat_pgtap_server FOREIGN DATA WRAPPER heartbeat_pgtap_wrapper;
CREATE TABLE heartbeat_pgtap_week PARTITION OF heartbeat_records
    FOR VALUES FROM ('2020-03-16 00:00+00') TO ('2020-03-23 00:00+00') PARTITION BY LIST (customer_id);
CREATE TABLE heartbeat_pgtap_rest PARTITION OF heartbeat_pgtap_week DEFAULT PARTITION BY LIST (device_id);
CREATE TABLE heartbeat_pgtap_leaf PARTITION OF heartbeat_pgtap_rest FOR VALUES IN ('');
CREATE FOREIGN TABLE heartbeat_pgtap_other PARTITION OF heartbeat_pgtap_week FOR VALUES IN ('C') SERVER heartbeat_pgtap_server;
CREATE FUNCTION heartbeat_pgtap_trigger() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER mine BEFORE INSERT ON heartbeat_pgtap_leaf FOR EACH ROW EXECUTE FUNCTION heartbeat_pgtap_trigger();
SELECT results_eq('SELECT object FROM heartbeat_check_objects()', ARRAY['trigger mine on table public.heartbeat_pgtap_leaf'],
                  'heartbeat_check_objects() finds a trigger on a table partition of the third level');
SELECT heartbeat_set_owner('heartbeat_pgtap_maker');
SELECT is_empty($$SELECT relid FROM pg_partition_tree('heartbeat_records') JOIN pg_class c ON c.oid = relid
                  WHERE relowner <> 'heartbeat_pgtap_maker'::regrole$$, 'heartbeat_set_owner() gives the table partitions of all levels to the role');

SELECT * FROM finish();
ROLLBACK;
