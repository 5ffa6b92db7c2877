--
-- While citus.enable_ddl_propagation is on, Citus repeats DDL statements on its nodes. This block turns the setting off for the
-- statements of the script, because the tables on the nodes must not change. The nodes do not have the extension, so Citus must
-- not repeat ALTER EXTENSION heartbeat UPDATE. If the setting is still on when the update begins, the block stops the update with
-- an error.
--

DO $$
DECLARE
    nodes boolean;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_node') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT 1 FROM pg_catalog.pg_dist_node WHERE groupid <> 0)' INTO nodes;
    IF nodes AND pg_catalog.current_setting('citus.enable_ddl_propagation') = 'on' THEN
        RAISE EXCEPTION 'Citus would also update the extension "heartbeat" on its nodes'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Run SET citus.enable_ddl_propagation = off in this session first.';
    END IF;
    SET LOCAL citus.enable_ddl_propagation = off;
END
$$;
