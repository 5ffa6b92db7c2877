--
-- The beginning of the scripts for CREATE EXTENSION and ALTER EXTENSION UPDATE. It creates the schema heartbeat_building, in which
-- no other role can create objects. An update moves the existing objects of the extension to this schema. Each script creates all
-- new objects in this schema. While a script runs, PostgreSQL looks up each name in pg_catalog and then in this schema. So the
-- script cannot use a function, operator or type of another role by mistake. At the end finish.sql moves all objects to the
-- extension's schema. SQL bodies, views, defaults and constraints then still use the same objects, because PostgreSQL stores
-- references to objects, not names.
--
SET LOCAL search_path = pg_catalog, pg_temp;
CREATE SCHEMA heartbeat_building;

DO $$
DECLARE
    extension pg_extension;
    tables regclass[];
    timeout text := current_setting('lock_timeout');
    statement text;
BEGIN
    SELECT * INTO STRICT extension FROM pg_extension e WHERE e.extname = 'heartbeat';
    -- heartbeat_control is the first table in the array, because each batch locks this table first. So LOCK TABLE waits for the
    -- current batch, and the next batch waits for this transaction.
    tables := ARRAY(
        SELECT c.oid::regclass FROM pg_class c
        WHERE c.relnamespace = extension.extnamespace AND c.relkind IN ('r', 'p', 'v')
          AND (EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                       AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension.oid AND d.deptype = 'e')
               -- The array also has tables that have left the extension (ALTER EXTENSION heartbeat DROP TABLE), if the extension's
               -- owner owns these tables.
               OR c.relowner = extension.extowner AND c.relname IN ('heartbeat_records', 'heartbeat_records_default',
                   'heartbeat_anomalies', 'heartbeat_anomalies_default', 'heartbeat_rollup', 'heartbeat_rollup_default',
                   'heartbeat_rollup_pending'))
        ORDER BY c.relname <> 'heartbeat_control', c.relkind = 'v', c.oid);
    -- A worker can hold one of these locks and wait for another lock, which this session holds. So if a lock is not free within
    -- 200 ms, the attempt releases all its locks, and the loop tries again. An attempt does not lock the views before it moves
    -- them: LOCK TABLE of a view also locks all relations that the view reads, even relations of the server itself.
    FOR attempt IN 1 .. 100 LOOP
        EXIT WHEN cardinality(tables) = 0;
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            EXECUTE (SELECT 'LOCK TABLE ' || string_agg('ONLY ' || t::text, ', ' ORDER BY n) || ' IN ACCESS EXCLUSIVE MODE'
                     FROM unnest(tables) WITH ORDINALITY x (t, n) JOIN pg_class c ON c.oid = t AND c.relkind <> 'v');
            FOR statement IN
                SELECT format('ALTER %s %s SET SCHEMA heartbeat_building', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, t)
                FROM unnest(tables) t JOIN pg_class c ON c.oid = t
            LOOP
                EXECUTE statement;
            END LOOP;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 100 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    PERFORM set_config('lock_timeout', timeout, true);
    -- The extension's owner can add functions to the extension, but only heartbeat's own functions may be in heartbeat_building.
    -- For example, an added function format(text, regclass, name) could match a call in this script better than format() of
    -- pg_catalog. It would then run with the rights of the role that runs this script.
    FOR statement IN
        SELECT format('ALTER FUNCTION %s SET SCHEMA heartbeat_building', d.objid::regprocedure)
        FROM pg_depend d JOIN pg_proc p ON p.oid = d.objid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension.oid AND d.deptype = 'e'
          AND d.classid = 'pg_proc'::regclass AND p.proname LIKE 'heartbeat\_%'
    LOOP
        EXECUTE statement;
    END LOOP;
    PERFORM set_config('heartbeat_building.found', -- rights.sql reads this setting
                       (SELECT coalesce(string_agg(o.oid::text, ' '), '') FROM (
                           SELECT c.oid FROM pg_class c WHERE c.relnamespace = 'heartbeat_building'::regnamespace
                           UNION ALL SELECT p.oid FROM pg_proc p WHERE p.pronamespace = 'heartbeat_building'::regnamespace) o), true);
END
$$;

SET LOCAL search_path = heartbeat_building, pg_temp;
