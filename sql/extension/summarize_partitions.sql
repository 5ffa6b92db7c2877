--
-- The maintenance worker calls this function, which summarizes the new blocks in the BRIN indexes of the weekly table partitions.
--

-- The storage parameter autosummarize would do the same. But ingest can fill the queue of autosummarize, and PostgreSQL then logs
-- a message each time.
CREATE FUNCTION heartbeat_summarize_partitions() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    -- this query is in WITH, because a table whose rows are on other servers cannot be joined with a table of this server
    WITH pending AS MATERIALIZED (
        SELECT DISTINCT minute_bucket FROM heartbeat_rollup_pending
    )
    SELECT coalesce(sum(brin_summarize_new_values(x.indexrelid::regclass)), 0)
    FROM pg_inherits h
    JOIN pg_class p ON p.oid = h.inhrelid AND p.relkind = 'r'::"char"
    JOIN pg_index x ON x.indrelid = p.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_am a ON a.oid = i.relam AND a.amname = 'brin'::name,
    -- PostgreSQL can evaluate the conditions in any order. Without the CASE, PostgreSQL could try to read the bounds of other
    -- tables' partitions as times.
    LATERAL (SELECT CASE WHEN h.inhparent = 'heartbeat_records'::regclass::oid THEN pg_get_expr(p.relpartbound, p.oid) END) b (bound),
    LATERAL (SELECT coalesce((regexp_match(b.bound, $x$FROM \('([^']+)'\)$x$::text))[1], '-infinity'::text)::timestamptz AS "begin",
                    coalesce((regexp_match(b.bound, $x$TO \('([^']+)'\)$x$::text))[1], 'infinity'::text)::timestamptz AS "end") r
    WHERE h.inhparent = 'heartbeat_records'::regclass::oid AND b.bound <> 'DEFAULT'::text
      -- The query skips a table while another process vacuums or packs this table. VACUUM itself summarizes the blocks. After
      -- packing, a later call of this function summarizes the blocks.
      AND NOT EXISTS (SELECT FROM pg_locks l WHERE l.locktype = 'relation'::text AND l.relation = p.oid AND l.granted
                      AND l.mode = 'ShareUpdateExclusiveLock'::text AND l.pid <> pg_backend_pid()
                      AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()))
      AND (r."begin" <= now() AND r."end" > now()
           OR EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket >= r."begin" AND s.minute_bucket < r."end")
           OR EXISTS (SELECT FROM pending s WHERE s.minute_bucket >= r."begin" AND s.minute_bucket < r."end"));
END;
COMMENT ON FUNCTION heartbeat_summarize_partitions() IS
    'Internal: summarizes the new blocks in the BRIN indexes of this week, and of the weeks that the rollup will read.';
