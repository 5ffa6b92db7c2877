--
-- Whether the tables are on this server, or spread over the nodes of a Citus cluster (heartbeat_distribute)
--

CREATE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid'
            ' JOIN pg_extension e ON e.extnamespace = c.relnamespace'
            ' WHERE e.extname = ''heartbeat'' AND c.relname = ''heartbeat_records'')' INTO distributed;
    RETURN distributed;
END
$$;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: whether heartbeat_distribute() has spread the tables over the nodes of a Citus cluster.';
