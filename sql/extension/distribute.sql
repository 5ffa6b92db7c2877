--
-- More than one machine: Citus spreads the readings and their rollup over its nodes by customer. Progress, dead letters and
-- all else stay where the workers are, on the coordinator.
--

-- The view in a text that Citus sends to the nodes as a whole, with the caller's conditions on customer and time. Which
-- minutes stand in the small tables is asked first, so that no sum is read twice that is moved meanwhile. On one server
-- the other text is far cheaper.
--
-- The text for one server calls heartbeat_summarize_minute(). For the moment in which the text is parsed that function is in a
-- schema in which nobody else can have put another one of its name.
CREATE FUNCTION heartbeat_use_summary(distributed boolean, summarize_minute regprocedure) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = summarize_minute);
    propagation text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    IF schema <> 'heartbeat_building' THEN -- as it is while the extension is made or updated
        CREATE SCHEMA heartbeat_building;
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA heartbeat_building', summarize_minute);
    END IF;
    EXECUTE format(CASE WHEN distributed THEN $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    WITH stale AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes),
    pending AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE r.minute_bucket <> ALL (ARRAY(SELECT minute_bucket FROM stale UNION SELECT minute_bucket FROM pending))
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))) a
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT r.customer_id, r.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT customer_id, heart_rate, CASE WHEN event_timestamp < '2000-01-01Z' THEN date_trunc('minute', event_timestamp, 'UTC')
                                               ELSE date_bin('1 minute', event_timestamp, '2000-01-01Z') END AS minute_bucket
          FROM %1$I.heartbeat_records
          WHERE event_timestamp >= (SELECT min(minute_bucket) FROM stale)
            AND event_timestamp < (SELECT max(minute_bucket) FROM stale) + interval '1 minute') r
    WHERE r.minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM stale))
    GROUP BY 1, 2 $view$ ELSE $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary WITH (security_barrier) AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = r.minute_bucket)
      AND NOT EXISTS (SELECT FROM (
              WITH keys AS MATERIALIZED (SELECT DISTINCT customer_id, minute_bucket FROM %1$I.heartbeat_rollup_pending
                                         WHERE reading_count > 0)
              SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM keys), ARRAY(SELECT minute_bucket FROM keys))
                  AS u (customer_id, minute_bucket)) p
                      WHERE p.minute_bucket = r.minute_bucket AND p.customer_id = r.customer_id)
    UNION ALL
    SELECT p.customer_id, p.minute_bucket,
           (p.sum_bpm + coalesce(f.sum_bpm, 0)) / (p.reading_count + coalesce(f.reading_count, 0)),
           p.reading_count + coalesce(f.reading_count, 0)
    FROM (WITH sums AS MATERIALIZED (
              SELECT customer_id, minute_bucket, sum(sum_bpm) AS sum_bpm, sum(reading_count)::bigint AS reading_count
              FROM %1$I.heartbeat_rollup_pending WHERE reading_count > 0 GROUP BY customer_id, minute_bucket)
          SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM sums), ARRAY(SELECT minute_bucket FROM sums),
                                 ARRAY(SELECT sum_bpm FROM sums), ARRAY(SELECT reading_count FROM sums))
              AS u (customer_id, minute_bucket, sum_bpm, reading_count)) p
         CROSS JOIN LATERAL (SELECT sum(r.sum_bpm) AS sum_bpm, sum(r.reading_count)::bigint AS reading_count
                             FROM %1$I.heartbeat_rollup r
                             WHERE r.minute_bucket = p.minute_bucket AND r.customer_id = p.customer_id) f
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = p.minute_bucket)
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes) s,
         heartbeat_building.heartbeat_summarize_minute(s.minute_bucket) m $view$ END, schema);
    IF schema <> 'heartbeat_building' THEN
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', summarize_minute, schema);
        DROP SCHEMA heartbeat_building;
    END IF;
    PERFORM set_config('citus.enable_ddl_propagation', propagation, true);
END
$$;
COMMENT ON FUNCTION heartbeat_use_summary(boolean, regprocedure) IS
    'Internal: gives vw_customer_bpm_summary the text for distributed tables, or the one for tables on this server.';

CREATE FUNCTION heartbeat_check_cluster() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    coordinator boolean;
    strangers text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RAISE EXCEPTION 'heartbeat_distribute needs the extension "citus"'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Install Citus, add it to shared_preload_libraries, CREATE EXTENSION citus, and add nodes with citus_add_node().';
    END IF;
    EXECUTE 'SELECT groupid = 0 FROM pg_dist_local_group' INTO coordinator;
    IF NOT coordinator THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, not its coordinator'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'heartbeat runs on the coordinator alone.';
    END IF;
    EXECUTE $find$ SELECT string_agg(format('%s:%s', nodename, nodeport), ', ' ORDER BY nodename, nodeport)
        FROM run_command_on_workers('SELECT count(*) FROM pg_extension WHERE extname = ''heartbeat''')
        WHERE NOT success OR result <> '0' $find$ INTO strangers;
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION 'nodes have the extension "heartbeat" too, or do not answer: %', strangers
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'heartbeat runs on the coordinator alone: on each of these nodes, DROP EXTENSION heartbeat.';
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_check_cluster() IS 'Internal: an error unless this server is a Citus coordinator whose nodes are ready for the tables.';

CREATE FUNCTION heartbeat_lock_control(control regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', control);
END
$$;
COMMENT ON FUNCTION heartbeat_lock_control(regclass) IS
    'Internal: as heartbeat_pause does: the batch under way ends first, and the next one finds other tables.';

CREATE FUNCTION heartbeat_spread(shard_count integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    shards integer := shard_count;
    first_table text := format('%I.heartbeat_records', schema);
    name text;
    one record;
BEGIN
    IF shards IS NULL THEN
        EXECUTE 'SELECT greatest(4 * count(*), 4) FROM pg_dist_node WHERE shouldhaveshards AND noderole = ''primary''' INTO shards;
    END IF;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending SET (autovacuum_vacuum_threshold = 10000,'
                   ' autovacuum_vacuum_scale_factor = 0)', schema); -- here the maintenance worker does it
    FOR one IN SELECT x.indexrelid::regclass AS brin FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                     JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                     WHERE h.inhparent = first_table::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s SET (autosummarize = on)', one.brin);
    END LOOP;
    -- Citus distributes no table that has triggers
    FOR one IN SELECT t.tgname, t.tgrelid::regclass AS watched FROM pg_trigger t
               WHERE t.tgfoid = format('%I.heartbeat_mark_changed()', schema)::regprocedure AND t.tgparentid = 0 LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.watched);
    END LOOP;
    -- Citus makes on its nodes whatever a table depends on, and what an extension owns it could not change
    FOR name IN SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                JOIN pg_class c ON c.oid = d.objid
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND e.extname = 'heartbeat' AND c.relkind IN ('r', 'p', 'S')
                  AND c.relname ~ '^heartbeat_(records|anomalies|rollup)(_default|_pending|_id_seq)?$' LOOP
        EXECUTE format('ALTER EXTENSION heartbeat DROP %s %s', CASE WHEN name LIKE '%_id_seq%' THEN 'SEQUENCE' ELSE 'TABLE' END, name);
    END LOOP;
    EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', shard_count := $2, colocate_with := ''none'')'
        USING first_table::regclass, shards;
    FOREACH name IN ARRAY ARRAY['heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending'] LOOP
        EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', colocate_with := $2)'
            USING format('%I.%I', schema, name)::regclass, first_table;
    END LOOP;
    -- what was copied is still on this server's disk
    FOR one IN SELECT c.oid::regclass AS spread FROM pg_class c
               WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind = 'r'
                 AND (c.relname = 'heartbeat_rollup_pending' OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                     first_table::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                     format('%I.heartbeat_rollup', schema)::regclass))) LOOP
        EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING one.spread;
    END LOOP;
    RETURN shards;
END
$$;
COMMENT ON FUNCTION heartbeat_spread(integer) IS 'Internal: what heartbeat_distribute() does, once it is known that it may; returns how many shards.';

CREATE FUNCTION heartbeat_distribute(shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(coalesce(shard_count BETWEEN 1 AND 64000, true),
                             format('heartbeat_distribute needs 1 to 64000 shards, not %s', shard_count),
                             'invalid_parameter_value', 'Four a node, the default, are a good number.');
    SELECT heartbeat_check_cluster();
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_require(NOT heartbeat_is_distributed(), 'the tables are distributed already', 'object_not_in_prerequisite_state',
                             'citus_rebalance_start() uses nodes that were added since; alter_distributed_table() changes the number of shards.');
    -- before, since Citus looks at what a table's views need, and would make this extension on the nodes
    SELECT heartbeat_use_summary(true, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_record_event('distribute', NULL, jsonb_build_object('shards', heartbeat_spread(shard_count)));
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_distribute(integer) IS
    'Spreads heartbeat_records, heartbeat_anomalies and the rollup over the nodes of the Citus cluster whose coordinator this '
    'server is, by customer_id, in so many shards (NULL: four a node), and takes them out of the extension. Ingest waits '
    'until their rows are copied, and goes on by itself. One transaction.';

-- By the functions that Citus calls for DROP TABLE, so that the tables stay the ones that views and functions name.
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
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema); -- the rollup has it first, too
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
        -- as pg_extension_config_dump would, which an extension's script alone may call
        IF item ~ '_(default|pending|id_seq)$' THEN
            UPDATE pg_extension SET extconfig = extconfig || name::regclass::oid, extcondition = extcondition || ''::text
                WHERE extname = 'heartbeat';
        END IF;
    END LOOP;
    FOREACH item IN ARRAY ARRAY['heartbeat_records_changed BEFORE UPDATE OR DELETE ON %1$I.heartbeat_records FOR EACH ROW',
                                'heartbeat_records_truncated BEFORE TRUNCATE ON %1$I.heartbeat_records FOR EACH STATEMENT'] LOOP
        EXECUTE format('CREATE TRIGGER ' || item || ' EXECUTE FUNCTION %1$I.heartbeat_mark_changed()', schema);
    END LOOP;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)', schema);
    FOR name IN SELECT x.indexrelid::regclass::text FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE h.inhparent = format('%I.heartbeat_records', schema)::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s RESET (autosummarize)', name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_gather() IS 'Internal: what heartbeat_undistribute() does, once it is known that it may.';

CREATE FUNCTION heartbeat_undistribute() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(heartbeat_is_distributed(), 'the tables are not distributed', 'object_not_in_prerequisite_state',
                             'There is nothing to undo.');
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_gather();
    SELECT count(heartbeat_release_trigger(w.watched)) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) w (watched);
    SELECT heartbeat_use_summary(false, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_record_event('undistribute', NULL);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_undistribute() IS
    'Brings the tables that heartbeat_distribute() has spread back to this server, and into the extension. Their rows are '
    'copied twice here, in one transaction, and ingest waits for it.';
