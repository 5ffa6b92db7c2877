--
-- These functions change the dependencies between functions of the extension in pg_depend. When Citus distributes the tables,
-- heartbeat removes the dependencies. When the tables return to this server, heartbeat records the dependencies again.
--

-- Citus creates on its nodes each object that a distributed table depends on. If a view or function uses the table and calls a
-- function, Citus treats the called function, and all objects that this function depends on, as dependencies of the table. The
-- functions of heartbeat use the tables and call each other. So Citus would find that a table depends on itself, and would refuse
-- to distribute the table. Citus would also find that the table depends on the extension, and would create the extension on the
-- nodes. So heartbeat removes the dependencies between its functions from pg_depend. This removal is safe: the functions still
-- call each other, and PostgreSQL does not drop a function that belongs to an extension.
CREATE FUNCTION heartbeat_record_calls(caller regprocedure, recorded boolean) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_record_calls(regprocedure, boolean) IS
    'Internal: with true, records that a function of the extension depends on each function of the extension that its body '
    'calls. With false, removes these dependencies.';

CREATE FUNCTION heartbeat_record_all_calls(recorded boolean) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(heartbeat_record_calls(d.objid::regprocedure, recorded))
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat';
END;
COMMENT ON FUNCTION heartbeat_record_all_calls(boolean) IS
    'Internal: calls heartbeat_record_calls() for each function of the extension.';
