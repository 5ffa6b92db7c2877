--
-- The dependencies between functions of the extension, which pg_depend does not have while the tables are distributed
--

-- Citus creates on its nodes each object that a distributed table depends on. It also counts each function that is called by a view or a
-- function that uses the table, and all objects that this function depends on. The functions of heartbeat use the tables and call each
-- other. So Citus would find that a table depends on itself, which it refuses, and on the extension, which it would create on the nodes.
-- The bodies of the functions stay bound to the same functions and tables. No function of an extension can be dropped alone, so the
-- missing dependencies permit no statement that they would have refused.
CREATE FUNCTION heartbeat_record_calls(caller regprocedure, recorded boolean) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_record_calls(regprocedure, boolean) IS
    'Internal: removes the dependencies of a function of the extension on the other functions of the extension that its body '
    'names (false), or records them again (true).';

CREATE FUNCTION heartbeat_record_all_calls(recorded boolean) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(heartbeat_record_calls(d.objid::regprocedure, recorded))
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat';
END;
COMMENT ON FUNCTION heartbeat_record_all_calls(boolean) IS
    'Internal: calls heartbeat_record_calls() for each function of the extension.';
