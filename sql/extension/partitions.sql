--
-- Partitions: one a week (Monday, UTC) for each of the three tables, and a default one for clocks that are far off
--

CREATE FUNCTION heartbeat_add_partition_keys(partition_of text, partition_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := (SELECT format('%I.%I', n.nspname, partition_name) FROM pg_extension e
                       JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
    distributed boolean;
BEGIN
    EXECUTE (SELECT format('SELECT %I.heartbeat_is_distributed()', n.nspname) FROM pg_extension e
             JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat') INTO distributed;
    CASE partition_of
    WHEN 'heartbeat_rollup' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (minute_bucket, customer_id)', partition);
    WHEN 'heartbeat_records' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', partition);
        IF partition_name = 'heartbeat_records_default' THEN -- readings of any time lie in it, mixed
            EXECUTE format('CREATE INDEX ON %s (event_timestamp)', partition);
        ELSE
            EXECUTE format('CREATE INDEX ON %s USING brin (event_timestamp) WITH (pages_per_range = 16%s)', partition,
                           CASE WHEN distributed THEN ', autosummarize = on' ELSE '' END); -- nobody else does it on the nodes
        END IF;
    WHEN 'heartbeat_anomalies' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', partition);
        EXECUTE format('CREATE INDEX ON %s (event_timestamp)', partition);
    END CASE;
END
$$;
COMMENT ON FUNCTION heartbeat_add_partition_keys(text, text) IS
    'Internal: gives a partition of the named table its natural key and its index on time.';

CREATE TABLE heartbeat_records_default PARTITION OF heartbeat_records DEFAULT;
CREATE TABLE heartbeat_anomalies_default PARTITION OF heartbeat_anomalies DEFAULT;
CREATE TABLE heartbeat_rollup_default PARTITION OF heartbeat_rollup DEFAULT;
SELECT heartbeat_add_partition_keys('heartbeat_records', 'heartbeat_records_default');
SELECT heartbeat_add_partition_keys('heartbeat_anomalies', 'heartbeat_anomalies_default');
SELECT heartbeat_add_partition_keys('heartbeat_rollup', 'heartbeat_rollup_default');
COMMENT ON TABLE heartbeat_records_default IS 'Normal readings whose week has no partition: a clock far off, or very late.';
COMMENT ON TABLE heartbeat_anomalies_default IS 'Anomalies whose week has no partition: a clock far off, or very late.';
COMMENT ON TABLE heartbeat_rollup_default IS 'The rollup of minutes whose week has no partition.';

-- The lock timeout keeps a long reader (pg_dump, say) from turning this wait into everybody's wait.
CREATE FUNCTION heartbeat_make_partitions(first_event timestamptz, last_event timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    made integer := 0;
    week timestamptz;
    parent text;
    name text;
    time_column text;
    parent_table text;
    default_table text;
    new_table text;
    columns text;
    moving boolean;
    moved bigint;
    distributed boolean;
BEGIN
    IF last_event > first_event + interval '10 years' THEN
        RAISE EXCEPTION 'partitions from % to % are more than ten years', first_event, last_event
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Make them for the years that have readings; what lies outside goes to the default partitions.';
    END IF;
    -- ANALYZE has the same lock for minutes, which is nothing to wait for where nothing is to be made
    IF NOT EXISTS (SELECT FROM generate_series(date_trunc('week', first_event), last_event, interval '7 days') w,
                               unnest(ARRAY['heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup']) p
                   WHERE to_regclass(format('%I.%I', schema, p || to_char(w, '_IYYY"w"IW'))) IS NULL) THEN
        RETURN 0;
    END IF;
    -- one maker at a time; readers and writers go on
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema);
    FOR week IN SELECT generate_series(date_trunc('week', first_event), last_event, interval '7 days') LOOP
        FOREACH parent IN ARRAY ARRAY['heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup'] LOOP
            name := parent || to_char(week, '_IYYY"w"IW');
            time_column := CASE parent WHEN 'heartbeat_rollup' THEN 'minute_bucket' ELSE 'event_timestamp' END;
            parent_table := format('%I.%I', schema, parent);
            default_table := format('%I.%I', schema, parent || '_default');
            new_table := format('%I.%I', schema, name);
            CONTINUE WHEN to_regclass(new_table) IS NOT NULL;
            EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', new_table, parent_table);
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', new_table); -- which the owner's default privileges may give
            EXECUTE format('SELECT %I.heartbeat_add_partition_keys($1, $2)', schema) USING parent, name;
            -- Whoever waits for a move must plan anew after it, so where rows are to be moved the parent is locked too.
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L)',
                           default_table, time_column, week, week + interval '7 days') INTO moving;
            IF moving THEN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', parent_table);
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_table);
            columns := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                        WHERE attrelid = parent_table::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
            EXECUTE format('INSERT INTO %6$s (%5$s) SELECT %5$s FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L',
                           default_table, time_column, week, week + interval '7 days', columns, new_table);
            GET DIAGNOSTICS moved = ROW_COUNT;
            IF moved > 0 THEN
                EXECUTE format('DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L',
                               default_table, time_column, week, week + interval '7 days');
            END IF;
            EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                           parent_table, new_table, week, week + interval '7 days');
            -- Citus has copied them to the nodes, and left what it copied
            EXECUTE format('SELECT %I.heartbeat_is_distributed()', schema) INTO distributed;
            IF distributed AND moved > 0 THEN
                EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING new_table::regclass;
            END IF;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;
COMMENT ON FUNCTION heartbeat_make_partitions(timestamptz, timestamptz) IS
    'Makes the weekly partitions that readings between the two times need, moves readings of those weeks out of the '
    'default partitions, and returns how many tables it made. The worker calls it; calling it early does no harm. '
    'Fails with lock_not_available when a lock takes longer than a second.';

-- Autosummarize would do the same, but complains in the log whenever ingest is quicker than its queue.
CREATE FUNCTION heartbeat_summarize_partitions() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET lock_timeout = '1s'
BEGIN ATOMIC
    SELECT coalesce(sum(brin_summarize_new_values(x.indexrelid::regclass)), 0)
    FROM (SELECT date_trunc('week', minute_bucket, 'UTC') AS week FROM heartbeat_stale_minutes
          UNION SELECT date_trunc('week', minute_bucket, 'UTC') FROM heartbeat_rollup_pending
          UNION SELECT date_trunc('week', now(), 'UTC')) w
    JOIN pg_class p ON p.relname = 'heartbeat_records' || to_char(w.week AT TIME ZONE 'UTC', '_IYYY"w"IW')
    JOIN pg_inherits h ON h.inhrelid = p.oid AND h.inhparent = 'heartbeat_records'::regclass::oid
    JOIN pg_index x ON x.indrelid = p.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_am a ON a.oid = i.relam AND a.amname = 'brin';
END;
COMMENT ON FUNCTION heartbeat_summarize_partitions() IS
    'Internal: summarizes the new blocks of this week and of those that the rollup is to look at, for queries on event_timestamp.';
