--
-- Several machines: Citus distributes the readings and their rollup over its nodes by customer. All other tables, such as the offsets and
-- the dead letters, stay with the workers on the coordinator.
--

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
                  HINT = 'Install Citus, add it to shared_preload_libraries, run CREATE EXTENSION citus, and add nodes with citus_add_node().';
    END IF;
    EXECUTE 'SELECT groupid = 0 FROM pg_dist_local_group' INTO coordinator;
    IF NOT coordinator THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, not its coordinator'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call the function on the coordinator: heartbeat runs only there.';
    END IF;
    EXECUTE $find$ SELECT string_agg(format('%s:%s', nodename, nodeport), ', ' ORDER BY nodename, nodeport)
        FROM run_command_on_workers('SELECT count(*) FROM pg_extension WHERE extname = ''heartbeat''')
        WHERE NOT success OR result <> '0' $find$ INTO strangers;
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION 'these nodes have the extension "heartbeat", or do not answer: %', strangers
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'heartbeat runs only on the coordinator. Run DROP EXTENSION heartbeat on each of these nodes.';
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_check_cluster() IS
    'Internal: raises an error if this server is not a Citus coordinator, or if its nodes are not ready for the tables.';

CREATE FUNCTION heartbeat_lock_control(control regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', control);
END
$$;
COMMENT ON FUNCTION heartbeat_lock_control(regclass) IS
    'Internal: waits for the current batch, as heartbeat_pause() does. The next batch waits until the tables have changed.';

CREATE FUNCTION heartbeat_leave_extension(records regclass, mark_changed regprocedure) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    one record;
BEGIN
    -- The next query must see the triggers of all table partitions. So this lock waits until the maintenance worker has created
    -- its table partitions.
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', records);
    -- Citus distributes no table that has triggers
    FOR one IN SELECT t.tgname, t.tgrelid::regclass AS watched FROM pg_trigger t WHERE t.tgfoid = mark_changed AND t.tgparentid = 0 LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.watched);
    END LOOP;
    -- Remove the tables from the extension, for two reasons. First, Citus cannot change a table that belongs to an extension.
    -- Second, Citus creates on its nodes each object that a table depends on. A table of the extension depends on the extension,
    -- so Citus would create the extension on its nodes.
    FOR name IN SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                JOIN pg_class c ON c.oid = d.objid
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND e.extname = 'heartbeat' AND c.relkind IN ('r', 'p', 'S')
                  AND c.relname ~ '^heartbeat_(records|anomalies|rollup)(_default|_pending|_id_seq)?$' LOOP
        EXECUTE format('ALTER EXTENSION heartbeat DROP %s %s', CASE WHEN name LIKE '%_id_seq%' THEN 'SEQUENCE' ELSE 'TABLE' END, name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_leave_extension(regclass, regprocedure) IS
    'Internal: drops the triggers of heartbeat_records, and removes from the extension the tables that Citus distributes.';

CREATE FUNCTION heartbeat_prepare_spread() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_use_summary(true, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_leave_extension('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure);
    SELECT heartbeat_record_all_calls(false);
END;
COMMENT ON FUNCTION heartbeat_prepare_spread() IS
    'Internal: does the steps of heartbeat_distribute() that come before Citus distributes the tables. When Citus distributes '
    'a table, it follows the dependencies of the table and of functions. After this call these dependencies do not lead back '
    'to the table, and do not lead to the extension.';

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
    -- Without Citus, the maintenance worker vacuums this table. On the nodes, autovacuum must vacuum the table.
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending SET (autovacuum_vacuum_threshold = 10000,'
                   ' autovacuum_vacuum_scale_factor = 0)', schema);
    FOR one IN SELECT x.indexrelid::regclass AS brin FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                     JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                     WHERE h.inhparent = first_table::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s SET (autosummarize = on)', one.brin);
    END LOOP;
    EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', shard_count := $2, colocate_with := ''none'')'
        USING first_table::regclass, shards;
    FOREACH name IN ARRAY ARRAY['heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending'] LOOP
        EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', colocate_with := $2)'
            USING format('%I.%I', schema, name)::regclass, first_table;
    END LOOP;
    -- Citus has copied the rows to its nodes, but has not removed the rows from this server. This loop removes these rows.
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
COMMENT ON FUNCTION heartbeat_spread(integer) IS
    'Internal: does the steps of heartbeat_distribute() that come after heartbeat_prepare_spread(). It returns the number of '
    'shards.';

CREATE FUNCTION heartbeat_distribute(shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(coalesce(shard_count BETWEEN 1 AND 64000, true),
                             format('heartbeat_distribute needs 1 to 64000 shards, not %s', shard_count),
                             'invalid_parameter_value', 'Four shards for each node, the default, are a good number.');
    SELECT heartbeat_check_cluster();
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_require(NOT heartbeat_is_distributed(), 'the tables are already distributed', 'object_not_in_prerequisite_state',
                             'citus_rebalance_start() moves shards to new nodes. alter_distributed_table() changes the number of shards.');
    SELECT heartbeat_prepare_spread();
    SELECT heartbeat_record_event('distribute', NULL, jsonb_build_object('shards', heartbeat_spread(shard_count)));
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_distribute(integer) IS
    'Distributes heartbeat_records, heartbeat_anomalies and the rollup by customer_id over the nodes of a Citus cluster, and '
    'removes these tables from the extension. This server must be the coordinator of the cluster. The argument is the number of '
    'shards (NULL: four for each node). Ingest waits until the rows are copied, and then continues automatically. The call is '
    'one transaction.';
