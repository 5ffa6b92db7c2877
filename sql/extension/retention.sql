--
-- Forgetting
--

CREATE FUNCTION heartbeat_apply_retention(OUT partitions_dropped integer, OUT readings_deleted bigint,
                                          OUT dead_letters_deleted bigint)
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    retention interval;
    cutoff timestamptz; -- a whole minute, as the rollup's are
    kept_from timestamptz;
    old regclass;
    deleted bigint;
BEGIN
    partitions_dropped := 0;
    readings_deleted := 0;
    dead_letters_deleted := 0;
    EXECUTE format('SELECT %I.heartbeat_classify(0)', schema); -- loads the library, which defines the setting
    retention := current_setting('heartbeat.retention')::interval;
    cutoff := date_trunc('minute', now() - retention);
    IF retention = interval '0' THEN
        RETURN;
    END IF;
    FOR old IN
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = p.relnamespace AND n.nspname = schema
        WHERE p.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup')
          AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $bound$TO \('([^']+)'\)$bound$)::timestamptz <= cutoff
        ORDER BY c.relname
    LOOP
        EXECUTE format('DROP TABLE %s', old);
        partitions_dropped := partitions_dropped + 1;
    END LOOP;
    EXECUTE format('DELETE FROM %I.heartbeat_records_default WHERE event_timestamp < $1', schema) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %I.heartbeat_anomalies_default WHERE event_timestamp < $1', schema) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %I.heartbeat_rollup_default WHERE minute_bucket < $1', schema) USING cutoff;
    -- of what has just been dropped or deleted: minutes before the cutoff whose week has no partition any more
    kept_from := date_trunc('week', cutoff);
    IF to_regclass(format('%I.heartbeat_records%s', schema, to_char(cutoff, '_IYYY"w"IW'))) IS NULL THEN
        kept_from := cutoff;
    END IF;
    -- the readings go, but who was measured is still to be counted
    EXECUTE format('UPDATE %I.heartbeat_rollup_pending SET sum_bpm = 0, reading_count = 0'
                   ' WHERE minute_bucket < $1 AND reading_count > 0', schema) USING kept_from;
    EXECUTE format('DELETE FROM %I.heartbeat_dead_letters WHERE arrived_at < $1', schema) USING cutoff;
    GET DIAGNOSTICS dead_letters_deleted = ROW_COUNT;
    EXECUTE format('DELETE FROM %I.heartbeat_gaps WHERE recorded_at < $1', schema) USING cutoff;
    EXECUTE format('DELETE FROM %I.heartbeat_events WHERE happened_at < $1', schema) USING cutoff;
    EXECUTE format('DELETE FROM %I.heartbeat_alerts WHERE closed_at < $1', schema) USING cutoff;
    IF partitions_dropped + readings_deleted + dead_letters_deleted > 0 THEN
        EXECUTE format('SELECT %I.heartbeat_record_event($1, $2, $3)', schema)
            USING 'retention', 'older than ' || current_setting('heartbeat.retention'),
                  jsonb_build_object('partitions_dropped', partitions_dropped, 'readings_deleted', readings_deleted,
                                     'dead_letters_deleted', dead_letters_deleted);
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_apply_retention() IS
    'Drops the weekly partitions that lie wholly before now() - heartbeat.retention, and deletes older readings in the '
    'default partitions, dead letters, gaps, events and closed alerts. Does nothing where heartbeat.retention is 0. The worker calls it hourly.';
