--
-- Whether the tables are on this server, or distributed over the nodes of a Citus cluster by heartbeat_distribute()
--

CREATE FUNCTION heartbeat_is_spread(records regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = $1)' INTO distributed USING records;
    RETURN distributed;
END
$$;
COMMENT ON FUNCTION heartbeat_is_spread(regclass) IS
    'Internal: returns whether Citus has distributed the table. Citus need not be installed.';

CREATE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_is_spread('heartbeat_records'::regclass);
END;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: returns whether heartbeat_distribute() has distributed the tables over the nodes of a Citus cluster.';
