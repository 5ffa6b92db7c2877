-- Everything that CREATE EXTENSION heartbeat makes, in the order in which a reading meets it. `make` joins this script from
-- the pieces in sql/extension. What changes there after a release, sql/heartbeat--OLD--NEW.sql changes in the databases that
-- have the old version.
-- Its schema may be renamed at any time, so no function holds the name: the bodies in SQL are parsed here, once and for
-- all, and those in PL/pgSQL, which write DDL, look the name up.
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
