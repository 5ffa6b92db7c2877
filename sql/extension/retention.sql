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
    old regclass[];
    old_letters bigint[];
    deleted bigint;
    attempt integer;
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
    -- What takes its time comes first, and touches nothing that ingest waits for: so it may wait for the rollup, or for
    -- the worker, which does the same when the setting has changed.
    PERFORM set_config('lock_timeout', '30s', true);
    EXECUTE format('LOCK TABLE %I.heartbeat_gaps IN SHARE UPDATE EXCLUSIVE MODE', schema);
    EXECUTE format('DELETE FROM %I.heartbeat_records_default WHERE event_timestamp < $1', schema) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %I.heartbeat_anomalies_default WHERE event_timestamp < $1', schema) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %I.heartbeat_rollup_default WHERE minute_bucket < $1', schema) USING cutoff;
    -- of what is dropped or deleted: minutes before the cutoff whose week has no partition, or will have none
    kept_from := date_trunc('week', cutoff);
    IF to_regclass(format('%I.heartbeat_records%s', schema, to_char(cutoff, '_IYYY"w"IW'))) IS NULL THEN
        kept_from := cutoff;
    END IF;
    -- the readings go, but who was measured is still to be counted
    EXECUTE format('UPDATE %I.heartbeat_rollup_pending SET sum_bpm = 0, reading_count = 0'
                   ' WHERE minute_bucket < $1 AND reading_count > 0', schema) USING kept_from;
    EXECUTE format('DELETE FROM %I.heartbeat_gaps WHERE recorded_at < $1', schema) USING cutoff;
    EXECUTE format('DELETE FROM %I.heartbeat_events WHERE happened_at < $1', schema) USING cutoff;
    EXECUTE format('DELETE FROM %I.heartbeat_alerts WHERE closed_at < $1', schema) USING cutoff;
    EXECUTE format('SELECT array_agg(id) FROM %I.heartbeat_dead_letters WHERE arrived_at < $1', schema)
        INTO old_letters USING cutoff;
    old := ARRAY(
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        JOIN pg_class p ON p.oid = i.inhparent
        JOIN pg_namespace n ON n.oid = p.relnamespace AND n.nspname = schema
        WHERE p.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup')
          AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $bound$TO \('([^']+)'\)$bound$)::timestamptz <= cutoff
        ORDER BY c.relname);
    -- From here on ingest waits. The batch under way ends first, so that only readers (a dump, say) can be in the way of
    -- the tables' locks. Whoever waits for one behind a reader has ingest wait behind himself: so never for long.
    PERFORM set_config('lock_timeout', '1s', true);
    attempt := 0;
    WHILE cardinality(old) > 0 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %I.heartbeat_control IN ROW EXCLUSIVE MODE', schema);
            PERFORM set_config('lock_timeout', '10ms', true);
            EXECUTE format('LOCK TABLE ONLY %1$I.heartbeat_records, ONLY %1$I.heartbeat_anomalies, ONLY %1$I.heartbeat_rollup,'
                           ' %1$I.heartbeat_records_default, %1$I.heartbeat_anomalies_default, %1$I.heartbeat_rollup_default'
                           ' IN ACCESS EXCLUSIVE MODE', schema);
            EXECUTE (SELECT 'DROP TABLE ' || string_agg(t::text, ', ') FROM unnest(old) t);
            PERFORM set_config('lock_timeout', '1s', true);
            partitions_dropped := cardinality(old);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            attempt := attempt + 1;
            IF attempt = 10 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.1);
    END LOOP;
    -- counts in heartbeat_offsets, where each batch counts too
    EXECUTE format('DELETE FROM %I.heartbeat_dead_letters WHERE id = ANY ($1)', schema) USING old_letters;
    GET DIAGNOSTICS dead_letters_deleted = ROW_COUNT;
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
    'default partitions, dead letters, gaps, events and closed alerts. Does nothing where heartbeat.retention is 0. Waits '
    'up to 30 seconds for the rollup or another retention, and fails with lock_not_available where somebody reads the '
    'tables all of a second. The worker calls it hourly, and again ten seconds after a failure.';
