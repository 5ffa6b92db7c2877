--
-- Keeps Citus from repeating the statements of this script on its nodes: their tables stay where they are.
--

DO $$
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        SET LOCAL citus.enable_ddl_propagation = off;
    END IF;
END
$$;
