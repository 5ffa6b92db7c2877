-- heartbeat_summarize_minute() finds the rows of one minute by the readings' index on time. If vw_customer_bpm_summary itself had
-- this query, the planner would not know which minute the query needs: the server would scan all readings, and use JIT
-- compilation. For a function, the planner uses the COST and ROWS of its definition.
CREATE FUNCTION heartbeat_summarize_minute(minute timestamptz, OUT customer_id text, OUT avg_bpm double precision,
                                           OUT reading_count bigint) RETURNS SETOF record
    LANGUAGE sql STABLE STRICT SECURITY DEFINER ROWS 100 COST 100
    SET search_path = pg_catalog, pg_temp SET row_security = off SET enable_seqscan = off SET jit = off
    SET max_parallel_workers_per_gather = 0
BEGIN ATOMIC
    SELECT r.customer_id, avg(r.heart_rate), count(*) FROM heartbeat_records r
    WHERE r.event_timestamp >= minute AND r.event_timestamp < minute + interval '1 minute'
    GROUP BY r.customer_id;
END;
COMMENT ON FUNCTION heartbeat_summarize_minute(timestamptz) IS
    'Internal: computes one minute of vw_customer_bpm_summary from the readings.';
