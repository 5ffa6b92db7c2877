--
-- Where the extension's objects are made. What a statement names is looked up in pg_catalog and in a schema in which nobody
-- else can create anything: no function, operator or type of somebody else's can match better than the one that is meant,
-- or make a call ambiguous. Bodies in SQL, views, defaults and constraints are bound here, once and for all. An update
-- moves here what the extension has already. finish.sql moves everything to the extension's schema.
--
SET LOCAL search_path = pg_catalog, pg_temp;
CREATE SCHEMA heartbeat_building;

DO $$
DECLARE
    control regclass := (SELECT c.oid FROM pg_extension e JOIN pg_class c ON c.relnamespace = e.extnamespace
                         WHERE e.extname = 'heartbeat' AND c.relname = 'heartbeat_control');
    updating boolean := EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                                WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat'
                                  AND d.classid = 'pg_class'::regclass AND d.objid = control);
    statement text;
BEGIN
    IF updating THEN -- waits for the batch under way, and the next batch waits for this
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', control);
    END IF;
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        SET LOCAL citus.enable_ddl_propagation = off; -- the nodes' tables stay where they are
    END IF;
    FOR statement IN
        SELECT format('ALTER %s %s SET SCHEMA heartbeat_building', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END,
                      c.oid::regclass)
        FROM pg_extension e JOIN pg_class c ON c.relnamespace = e.extnamespace AND c.relkind IN ('r', 'p', 'v')
        WHERE e.extname = 'heartbeat'
          AND (EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                       AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid AND d.deptype = 'e')
               -- heartbeat_distribute() takes these out of the extension
               OR c.relowner = e.extowner AND c.relname IN ('heartbeat_records', 'heartbeat_records_default',
                   'heartbeat_anomalies', 'heartbeat_anomalies_default', 'heartbeat_rollup', 'heartbeat_rollup_default',
                   'heartbeat_rollup_pending'))
        UNION ALL
        SELECT format('ALTER FUNCTION %s SET SCHEMA heartbeat_building', d.objid::regprocedure)
        FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid
        WHERE e.extname = 'heartbeat' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND d.classid = 'pg_proc'::regclass
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;

SET LOCAL search_path = heartbeat_building, pg_temp;
