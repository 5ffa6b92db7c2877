--
-- These functions change the owner of the extension
--

CREATE FUNCTION heartbeat_own_extension(new_owner regrole) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_own_extension(regrole) IS
    'Internal: does the part of heartbeat_set_owner() that no SQL statement can do.';

CREATE FUNCTION heartbeat_own_objects(new_owner regrole, parents regclass[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    -- $1 is `parents`. It also has tables that a person has removed from the extension (ALTER EXTENSION heartbeat DROP TABLE). The
    -- query is recursive, because the owner may have divided a table partition into further table partitions.
    members CONSTANT text :=
        'WITH RECURSIVE below AS ('
        ' SELECT h.inhrelid, p.relowner FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent WHERE h.inhparent = ANY ($1::oid[])'
        ' UNION ALL SELECT h.inhrelid, b.relowner FROM below b JOIN pg_inherits h ON h.inhparent = b.inhrelid)'
        ' SELECT c.oid::regclass FROM pg_class c WHERE c.relkind IN (''r'', ''p'', ''f'', ''v'') AND (c.oid = ANY ($1::oid[])'
        ' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = ''heartbeat'''
        '     WHERE d.classid = ''pg_class''::regclass AND d.objid = c.oid'
        '       AND d.refclassid = ''pg_extension''::regclass AND d.deptype = ''e'')'
        ' OR (c.oid, c.relowner) IN (SELECT b.inhrelid, b.relowner FROM below b))'
        ' ORDER BY c.relname <> ''heartbeat_control'', c.relkind = ''v'', c.oid';
    one regclass;
    statement text;
BEGIN
    -- A worker can hold one of these locks and wait for another lock, which this session holds. So if a lock is not free within
    -- 200 ms, the attempt releases all its locks, and the loop tries again. While this session holds the locks, no session creates
    -- a table partition. The loop does not lock views: LOCK TABLE of a view also locks all relations that the view reads, even
    -- relations of the server itself. And LOCK TABLE refuses foreign tables.
    FOR attempt IN 1 .. 100 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            FOR one IN EXECUTE members USING parents LOOP
                IF (SELECT c.relkind FROM pg_class c WHERE c.oid = one) IN ('r', 'p') THEN
                    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', one);
                END IF;
            END LOOP;
            FOR one IN EXECUTE members USING parents LOOP
                EXECUTE format('ALTER %s %s OWNER TO %s',
                               CASE (SELECT c.relkind FROM pg_class c WHERE c.oid = one) WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, one, new_owner);
            END LOOP;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 100 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    FOR statement IN
        SELECT format('GRANT CREATE, USAGE ON SCHEMA %I TO %s', n.nspname, new_owner) -- the owner creates table partitions in this schema
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat'
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
COMMENT ON FUNCTION heartbeat_own_objects(regrole, regclass[]) IS
    'Internal: does the part of heartbeat_set_owner() that SQL statements can do.';

CREATE FUNCTION heartbeat_set_owner(new_owner regrole) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s'
BEGIN ATOMIC
    SELECT heartbeat_require(EXISTS (SELECT FROM pg_roles r WHERE r.oid = new_owner),
                             format('heartbeat_set_owner needs a role, not %s', coalesce(new_owner::text, 'NULL')),
                             'undefined_object', 'Give the name of a role, as in heartbeat_set_owner(''heartbeat_owner'').');
    SELECT heartbeat_own_objects(new_owner, ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass,
                                                  'heartbeat_rollup'::regclass, 'heartbeat_rollup_pending'::regclass]);
    SELECT heartbeat_own_extension(new_owner);
    SELECT heartbeat_record_event('owner', new_owner::text);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_set_owner(regrole) IS
    'Gives the extension, its tables, table partitions, views and functions to a role, and grants the role CREATE and USAGE on '
    'the extension''s schema. A role without SUPERUSER and without LOGIN is sufficient. Functions such as heartbeat_pause() '
    'act with the rights of this role, and so do the workers if heartbeat.role is empty. Only superusers can call the '
    'function. Ingest waits until the call commits. A dump does not keep the owner: call the function again after a restore.';
