--
-- These functions tell which servers have the rows of the readings. After heartbeat_distribute() the nodes of Citus have the rows.
-- If the tables are not distributed, this server has the rows. Most other files of sql/extension have no code for Citus, but call
-- heartbeat_rows_elsewhere() and heartbeat_free_copied().
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
    'Internal: returns whether Citus has distributed the table. Without Citus, returns false.';

CREATE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_is_spread('heartbeat_records'::regclass);
END;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: returns whether heartbeat_distribute() has distributed the tables over the nodes of a Citus cluster.';

CREATE FUNCTION heartbeat_rows_elsewhere() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_is_distributed();
END;
COMMENT ON FUNCTION heartbeat_rows_elsewhere() IS
    'Internal: returns whether other servers have the rows of the readings and of their rollup. If the function returns true, a '
    'statement on these rows must not name a table of this server, and must move rows by INSERT and DELETE.';

CREATE FUNCTION heartbeat_free_copied(copied regclass[]) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT u FROM unnest(copied) u WHERE u IS NOT NULL LOOP
        EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING one;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_free_copied(regclass[]) IS
    'Internal: after Citus has copied the rows of these tables to its nodes, removes the rows that this server still has.';
