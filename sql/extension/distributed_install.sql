--
-- This block prevents CREATE EXTENSION on a node of a Citus cluster, because heartbeat_distribute() creates tables with the same
-- names there. On the coordinator, the block raises an error if Citus would also create the extension on the nodes.
--

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
        RAISE EXCEPTION 'this server is a node of a Citus cluster, but heartbeat runs only on the coordinator'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'On the coordinator, run SET citus.enable_ddl_propagation = off and then CREATE EXTENSION heartbeat.';
    ELSIF nodes AND pg_catalog.current_setting('citus.enable_ddl_propagation') = 'on' THEN
        RAISE EXCEPTION 'Citus would also create the extension "heartbeat" on its nodes'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Run SET citus.enable_ddl_propagation = off in this session first.';
    END IF;
END
$$;
