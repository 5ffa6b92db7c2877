--
-- Whose rights the extension's functions have
--

CREATE FUNCTION heartbeat_own_extension(new_owner regrole) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_own_extension(regrole) IS 'Internal: the part of heartbeat_set_owner() that has no statement in SQL.';

CREATE FUNCTION heartbeat_own_objects(new_owner regrole, parents regclass[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    statement text;
BEGIN
    -- no partition is made meanwhile
    EXECUTE (SELECT 'LOCK TABLE ' || string_agg('ONLY ' || p::text, ', ') || ' IN ACCESS EXCLUSIVE MODE' FROM unnest(parents) p);
    FOR statement IN
        SELECT format('GRANT CREATE, USAGE ON SCHEMA %I TO %s', n.nspname, new_owner) -- it makes the partitions
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat'
        UNION ALL
        SELECT format('ALTER %s %s OWNER TO %s', CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, c.oid::regclass, new_owner)
        FROM pg_class c
        WHERE c.relkind IN ('r', 'p', 'v') AND (
            c.oid = ANY (parents::oid[]) -- heartbeat_distribute() takes them out of the extension
            OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                       WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                         AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
            OR EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent
                       WHERE h.inhrelid = c.oid AND h.inhparent = ANY (parents::oid[]) AND p.relowner = c.relowner))
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO %s', d.objid::regprocedure, new_owner)
        FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid
        WHERE e.extname = 'heartbeat' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND d.classid = 'pg_proc'::regclass
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_own_objects(regrole, regclass[]) IS 'Internal: the part of heartbeat_set_owner() that SQL has statements for.';

CREATE FUNCTION heartbeat_set_owner(new_owner regrole) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_own_objects(new_owner, ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass,
                                                  'heartbeat_rollup'::regclass, 'heartbeat_rollup_pending'::regclass]);
    SELECT heartbeat_own_extension(new_owner);
    SELECT heartbeat_record_event('owner', new_owner::text);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_set_owner(regrole) IS
    'Gives the extension, its tables, partitions, views and functions to a role, which needs to be no superuser and to log in '
    'nowhere, and grants it CREATE and USAGE on the extension''s schema. Functions that act (heartbeat_pause() and others) act with '
    'the rights of this role, and so do the workers where heartbeat.role is empty. For superusers. Ingest waits until it commits. '
    'A dump does not keep the owner: call it again after a restore.';
