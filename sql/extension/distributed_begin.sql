--
-- Prevents Citus from repeating the statements of this script on its nodes: the tables of the nodes must not change.
--

DO $$
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        SET LOCAL citus.enable_ddl_propagation = off;
    END IF;
END
$$;
