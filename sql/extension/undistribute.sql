--
-- Undoes heartbeat_distribute(): moves the distributed tables back to this server, and into the extension.
--

-- heartbeat_gather() calls the functions that Citus itself calls for DROP TABLE: these functions remove the shards, and Citus's
-- data about the tables. heartbeat_gather() does not drop the tables, because views and functions refer to their oids.
CREATE FUNCTION heartbeat_gather() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    one record;
    name text;
    item text;
BEGIN
    -- the rollup also locks this table first; sessions that lock tables in the same order cannot cause a deadlock
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema);
    EXECUTE 'SET LOCAL citus.multi_shard_modify_mode = sequential';
    CREATE TEMP TABLE heartbeat_spread ON COMMIT DROP AS
        SELECT c.oid::regclass AS spread, c.relname, c.relkind = 'r' AS has_rows, row_number() OVER () AS number
        FROM pg_class c
        WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind IN ('r', 'p')
          AND (c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending')
               OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                   format('%I.heartbeat_records', schema)::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                   format('%I.heartbeat_rollup', schema)::regclass)))
        ORDER BY c.relkind = 'p', c.relname;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', one.spread);
        IF one.has_rows THEN
            EXECUTE format('CREATE TEMP TABLE heartbeat_kept_%s ON COMMIT DROP AS SELECT * FROM %s', one.number, one.spread);
        END IF;
    END LOOP;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE 'SELECT master_remove_distributed_table_metadata_from_workers($1, $2, $3), citus_drop_all_shards($1, $2, $3),'
                ' master_remove_partition_metadata($1, $2, $3)' USING one.spread, schema, one.relname;
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING one.spread;
        FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = one.spread AND tgname LIKE 'truncate_trigger_%' LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', name, one.spread);
        END LOOP;
        IF one.has_rows THEN
            EXECUTE format('INSERT INTO %s SELECT * FROM pg_temp.heartbeat_kept_%s', one.spread, one.number);
        END IF;
    END LOOP;
    FOREACH item IN ARRAY ARRAY['TABLE heartbeat_records', 'TABLE heartbeat_anomalies', 'TABLE heartbeat_rollup',
        'TABLE heartbeat_rollup_pending', 'TABLE heartbeat_records_default', 'TABLE heartbeat_anomalies_default',
        'TABLE heartbeat_rollup_default', 'SEQUENCE heartbeat_records_id_seq', 'SEQUENCE heartbeat_anomalies_id_seq'] LOOP
        name := format('%I.%I', schema, split_part(item, ' ', 2));
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING name::regclass;
        EXECUTE format('ALTER EXTENSION heartbeat ADD %s %s', split_part(item, ' ', 1), name);
        -- this UPDATE does the work of pg_extension_config_dump(), which only the script of an extension may call
        IF item ~ '_(default|pending|id_seq)$' THEN
            UPDATE pg_extension SET extconfig = extconfig || name::regclass::oid, extcondition = extcondition || ''::text
                WHERE extname = 'heartbeat';
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)', schema);
    FOR name IN SELECT x.indexrelid::regclass::text FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE h.inhparent = format('%I.heartbeat_records', schema)::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s RESET (autosummarize)', name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_gather() IS 'Internal: does the work of heartbeat_undistribute() after its checks.';

CREATE FUNCTION heartbeat_undistribute() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(heartbeat_is_distributed(), 'the tables are not distributed', 'object_not_in_prerequisite_state',
                             'The tables are on this server.');
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_gather();
    SELECT heartbeat_watch_changes('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure);
    SELECT count(heartbeat_release_trigger(w.watched)) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) w (watched);
    SELECT heartbeat_record_all_calls(true);
    SELECT heartbeat_use_summary(false, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_record_event('undistribute', NULL);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_undistribute() IS
    'Undoes heartbeat_distribute(): moves the distributed tables back to this server and into the extension. The function copies '
    'the rows twice on this server, in one transaction. Ingest waits until the transaction commits.';
