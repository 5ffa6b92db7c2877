-- Everything that CREATE EXTENSION heartbeat makes. `make` joins this script from the pieces in sql/extension: first the
-- tables, then what is asked of them. The scripts of updates (sql/updates) are joined from the same pieces.
-- The schema may be renamed at any time, and others may create objects in it, so no function looks up a name there: bodies
-- in SQL are bound when they are created, and PL/pgSQL, which writes DDL, is given its tables by oid (regclass).
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit

-- Citus would make the extension on its nodes too, where it would be in the way of the tables that heartbeat_distribute
-- puts there.
DO $$
DECLARE
    node boolean;
    nodes boolean;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_node') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT (SELECT groupid <> 0 FROM pg_catalog.pg_dist_local_group),'
            ' EXISTS (SELECT 1 FROM pg_catalog.pg_dist_node WHERE groupid <> 0)'
        INTO node, nodes;
    IF node THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, and heartbeat runs on the coordinator alone'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'On the coordinator: SET citus.enable_ddl_propagation = off, then CREATE EXTENSION heartbeat.';
    ELSIF nodes AND pg_catalog.current_setting('citus.enable_ddl_propagation') = 'on' THEN
        RAISE EXCEPTION 'Citus would make the extension "heartbeat" on its nodes too'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'In this session, SET citus.enable_ddl_propagation = off first.';
    END IF;
END
$$;
