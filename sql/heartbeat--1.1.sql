-- heartbeat 1.1 as it was released, and not to be changed any more: ALTER EXTENSION heartbeat UPDATE begins with what this
-- has made. The version of now is in sql/extension.
-- Its schema may be renamed at any time, so no function holds the name: the bodies in SQL are parsed here, once and for
-- all, and those in PL/pgSQL, which write DDL, look the name up.
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit

-- Citus would make the extension on its nodes too, where it would be in the way of the tables that heartbeat_distribute
-- puts there.
DO $$
DECLARE
    node boolean;
    nodes boolean;
BEGIN
    IF pg_catalog.to_regclass('pg_catalog.pg_dist_node') IS NULL THEN
        RETURN;
    END IF;
    EXECUTE 'SELECT (SELECT groupid <> 0 FROM pg_catalog.pg_dist_local_group),'
            ' EXISTS (SELECT 1 FROM pg_catalog.pg_dist_node WHERE groupid <> 0)'
        INTO node, nodes;
    IF node THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, and heartbeat runs on the coordinator alone'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'On the coordinator: SET citus.enable_ddl_propagation = off, then CREATE EXTENSION heartbeat.';
    ELSIF nodes AND pg_catalog.current_setting('citus.enable_ddl_propagation') = 'on' THEN
        RAISE EXCEPTION 'Citus would make the extension "heartbeat" on its nodes too'
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'In this session, SET citus.enable_ddl_propagation = off first.';
    END IF;
END
$$;

--
-- Classification
--

CREATE FUNCTION heartbeat_classify(heart_rate double precision) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION heartbeat_classify(double precision) IS
    'The worker''s own rule for a heart rate in beats per minute: INVALID (at or below 0, above 300, or NaN), '
    'BRADYCARDIA (below 40), NORMAL (40 to 180, both included) or TACHYCARDIA (above 180). NULL for NULL.';

--
-- Readings. Keys and indexes stand on the partitions only, and none on the parents: pg_dump writes the partitions that
-- the worker made as tables with keys of their own and attaches them to the parents that CREATE EXTENSION has made.
--

CREATE TABLE heartbeat_records (
    id              bigserial NOT NULL,
    customer_id     text COLLATE "C" NOT NULL,
    heart_rate      double precision NOT NULL,
    event_timestamp timestamptz NOT NULL,
    ingested_at     timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180)
) PARTITION BY RANGE (event_timestamp);
ALTER SEQUENCE heartbeat_records_id_seq CACHE 32; -- a number costs as much as writing the row, taken one by one
COMMENT ON TABLE heartbeat_records IS
    'Normal readings, one row for each (customer_id, event_timestamp), in partitions of a week.';
COMMENT ON COLUMN heartbeat_records.id IS 'A number for the row, not without gaps.';
COMMENT ON COLUMN heartbeat_records.customer_id IS 'Who was measured: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_records.heart_rate IS 'Beats per minute, exactly as published, 40 to 180.';
COMMENT ON COLUMN heartbeat_records.event_timestamp IS 'When it was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_records.ingested_at IS 'Start of the transaction that stored the row.';

CREATE TABLE heartbeat_anomalies (
    id              bigserial NOT NULL,
    customer_id     text COLLATE "C" NOT NULL,
    heart_rate      double precision NOT NULL,
    event_timestamp timestamptz NOT NULL,
    ingested_at     timestamptz NOT NULL DEFAULT now(),
    anomaly_type    text COLLATE "C" NOT NULL,
    CONSTRAINT heartbeat_anomalies_classified CHECK (anomaly_type =
        CASE WHEN heart_rate <= 0 OR heart_rate > 300 THEN 'INVALID'
             WHEN heart_rate < 40 THEN 'BRADYCARDIA'
             WHEN heart_rate > 180 THEN 'TACHYCARDIA' END
        AND (heart_rate < 40 OR heart_rate > 180))
) PARTITION BY RANGE (event_timestamp);
ALTER SEQUENCE heartbeat_anomalies_id_seq CACHE 32;
COMMENT ON TABLE heartbeat_anomalies IS
    'Readings that are not normal, one row for each (customer_id, event_timestamp), in partitions of a week.';
COMMENT ON COLUMN heartbeat_anomalies.id IS 'A number for the row, not without gaps.';
COMMENT ON COLUMN heartbeat_anomalies.customer_id IS 'Who was measured: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN heartbeat_anomalies.event_timestamp IS 'When it was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_anomalies.ingested_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID, by heartbeat_classify.';

--
-- The rollup behind vw_customer_bpm_summary, in three tables. Ingest appends what a batch adds to each customer's minute,
-- or, where that would be nearly as many rows as the batch has readings, notes which minutes it touched. A worker apart
-- from ingest folds the one into heartbeat_rollup and makes the other from the readings. What ingest writes commits with
-- the readings it stands for, and what that worker removes is what its snapshot saw, so the view is exact in every
-- snapshot.
--

CREATE TABLE heartbeat_rollup (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    sum_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
) PARTITION BY RANGE (minute_bucket);
COMMENT ON TABLE heartbeat_rollup IS
    'Normal readings by customer and minute, but for what is in heartbeat_rollup_pending, and for minutes that are not '
    'in heartbeat_stale_minutes. Query vw_customer_bpm_summary, which is always exact, instead of this table.';
COMMENT ON COLUMN heartbeat_rollup.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup.customer_id IS 'Who was measured.';
COMMENT ON COLUMN heartbeat_rollup.sum_bpm IS 'Sum of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN heartbeat_rollup.reading_count IS 'How many normal readings the minute has.';

-- No index: ingest appends to it, and whoever reads it reads all of it, which is little.
CREATE TABLE heartbeat_rollup_pending (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    sum_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
);
COMMENT ON TABLE heartbeat_rollup_pending IS
    'What batches have added to customers'' minutes and heartbeat_rollup does not hold yet; a row adds to those before it.';
COMMENT ON COLUMN heartbeat_rollup_pending.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.customer_id IS 'Who was measured.';
COMMENT ON COLUMN heartbeat_rollup_pending.sum_bpm IS 'Sum of the normal readings, beats per minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.reading_count IS
    'How many normal readings; 0 where only the customer is to be counted.';

CREATE TABLE heartbeat_stale_minutes (
    minute_bucket timestamptz NOT NULL,
    marked_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE heartbeat_stale_minutes IS
    'Minutes whose rollup has to be made from the readings; a minute may stand here more than once.';
COMMENT ON COLUMN heartbeat_stale_minutes.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_stale_minutes.marked_at IS 'Start of the transaction that stored the readings.';

CREATE TABLE heartbeat_customers (
    customer_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE heartbeat_customers IS 'Customers that the rollup has seen, normal or not.';
COMMENT ON COLUMN heartbeat_customers.customer_id IS 'Who was measured.';

CREATE TABLE heartbeat_customers_total (
    customers bigint NOT NULL
);
COMMENT ON TABLE heartbeat_customers_total IS 'How many rows heartbeat_customers has, without counting them: the sum.';
COMMENT ON COLUMN heartbeat_customers_total.customers IS 'How many.';

-- Apart from the view, so that its cost is what it is: one minute's readings, by the index on time. For the planner's
-- guess at a range that it does not know yet, a view of history would be compiled and scanned as a whole.
CREATE FUNCTION heartbeat_summarize_minute(minute timestamptz, OUT customer_id text, OUT avg_bpm double precision,
                                           OUT reading_count bigint) RETURNS SETOF record
    LANGUAGE sql STABLE STRICT SECURITY DEFINER ROWS 100 COST 100
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET jit = off
BEGIN ATOMIC
    SELECT r.customer_id, avg(r.heart_rate), count(*) FROM heartbeat_records r
    WHERE r.event_timestamp >= minute AND r.event_timestamp < minute + interval '1 minute'
    GROUP BY r.customer_id;
END;
COMMENT ON FUNCTION heartbeat_summarize_minute(timestamptz) IS
    'Internal: a minute of vw_customer_bpm_summary, made from the readings.';

--
-- Whether the tables are on this server, or spread over the nodes of a Citus cluster (heartbeat_distribute)
--

CREATE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid'
            ' JOIN pg_extension e ON e.extnamespace = c.relnamespace'
            ' WHERE e.extname = ''heartbeat'' AND c.relname = ''heartbeat_records'')' INTO distributed;
    RETURN distributed;
END
$$;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: whether heartbeat_distribute() has spread the tables over the nodes of a Citus cluster.';

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
        EXECUTE format('CREATE INDEX ON %s USING brin (event_timestamp) WITH (pages_per_range = 16%s)', partition,
                       CASE WHEN distributed THEN ', autosummarize = on' ELSE '' END); -- nobody else does it on the nodes
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

--
-- Progress
--

CREATE TABLE heartbeat_offsets (
    topic                text COLLATE "C" NOT NULL,
    partition            integer NOT NULL CHECK (partition >= 0),
    next_offset          bigint NOT NULL CHECK (next_offset >= 0),
    first_offset         bigint NOT NULL,
    rewound              bigint NOT NULL DEFAULT 0,
    records              bigint NOT NULL DEFAULT 0,
    anomalies            bigint NOT NULL GENERATED ALWAYS AS (bradycardia + tachycardia + invalid) STORED,
    bradycardia          bigint NOT NULL DEFAULT 0,
    tachycardia          bigint NOT NULL DEFAULT 0,
    invalid              bigint NOT NULL DEFAULT 0,
    duplicates           bigint NOT NULL DEFAULT 0,
    dead_letters         bigint NOT NULL DEFAULT 0,
    dead_letters_deleted bigint NOT NULL DEFAULT 0,
    empty_offsets        bigint NOT NULL DEFAULT 0,
    first_event          timestamptz,
    last_event           timestamptz,
    last_message_at      timestamptz,
    last_message_offset  bigint,
    cluster_id           text COLLATE "C",
    topic_id             text COLLATE "C",
    lost_at              timestamptz,
    lost_reason          text,
    updated_at           timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20); -- room for in-page updates: every batch updates its rows
COMMENT ON TABLE heartbeat_offsets IS
    'The one truth about progress: the next Kafka offset of each partition, updated by the transaction that stores '
    'what came before it, and what became of every offset passed since first_offset.';
COMMENT ON COLUMN heartbeat_offsets.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_offsets.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_offsets.next_offset IS 'The offset that will be read next.';
COMMENT ON COLUMN heartbeat_offsets.first_offset IS 'The offset at which this database began to read and to count.';
COMMENT ON COLUMN heartbeat_offsets.rewound IS 'Offsets gone back over by seeks, resets and replays, in total.';
COMMENT ON COLUMN heartbeat_offsets.records IS 'Messages stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_offsets.anomalies IS 'Messages stored in heartbeat_anomalies: the sum of the three types.';
COMMENT ON COLUMN heartbeat_offsets.bradycardia IS 'Anomalies of type BRADYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.tachycardia IS 'Anomalies of type TACHYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.invalid IS 'Anomalies of type INVALID.';
COMMENT ON COLUMN heartbeat_offsets.duplicates IS 'Messages whose reading or dead letter was stored already.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters IS 'Messages stored in heartbeat_dead_letters and not resolved since.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters_deleted IS
    'Of those, how many were deleted from heartbeat_dead_letters: given up by a person, or by heartbeat.retention.';
COMMENT ON COLUMN heartbeat_offsets.empty_offsets IS
    'Offsets that held no message: compaction, transaction markers, aborted transactions, gaps in heartbeat_gaps.';
COMMENT ON COLUMN heartbeat_offsets.first_event IS 'Earliest event_timestamp ever stored from this partition.';
COMMENT ON COLUMN heartbeat_offsets.last_event IS 'Latest event_timestamp ever stored from this partition.';
COMMENT ON COLUMN heartbeat_offsets.last_message_at IS 'Kafka timestamp of the last message read that has one.';
COMMENT ON COLUMN heartbeat_offsets.last_message_offset IS
    'Offset of that message. Reading begins at it again after every connect: another message there means another topic. '
    'A seek clears it.';
COMMENT ON COLUMN heartbeat_offsets.cluster_id IS 'Id of the Kafka cluster that the offsets belong to.';
COMMENT ON COLUMN heartbeat_offsets.topic_id IS
    'Kafka''s id of the topic that the offsets belong to; NULL where librdkafka is older than 2.3 and cannot tell.';
COMMENT ON COLUMN heartbeat_offsets.lost_at IS
    'When it was found that offsets of that name mean other messages now; a seek or reset clears it.';
COMMENT ON COLUMN heartbeat_offsets.lost_reason IS 'How that was found.';
COMMENT ON COLUMN heartbeat_offsets.updated_at IS 'Start of the transaction that wrote the row last.';

CREATE TABLE heartbeat_gaps (
    topic       text COLLATE "C" NOT NULL,
    partition   integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    reason      text NOT NULL,
    recorded_by text NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    CHECK (to_offset > from_offset)
);
COMMENT ON TABLE heartbeat_gaps IS 'Offsets that were skipped on purpose, by a seek or by heartbeat.offset_reset.';
COMMENT ON COLUMN heartbeat_gaps.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_gaps.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_gaps.from_offset IS 'First offset that was skipped.';
COMMENT ON COLUMN heartbeat_gaps.to_offset IS 'First offset after the gap.';
COMMENT ON COLUMN heartbeat_gaps.reason IS 'Why.';
COMMENT ON COLUMN heartbeat_gaps.recorded_by IS 'The session''s user.';
COMMENT ON COLUMN heartbeat_gaps.recorded_at IS 'When.';

--
-- What was done to the pipeline and what it did, for a person who asks afterwards: who paused it, when did it fail. A
-- function that acts records its event itself, in the caller's transaction, by heartbeat_record_event(). A new state is
-- announced too: NOTIFY heartbeat_state.
--

CREATE TABLE heartbeat_events (
    id          bigserial PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role        text,
    kind        text COLLATE "C" NOT NULL,
    reason      text,
    details     jsonb
);
COMMENT ON TABLE heartbeat_events IS
    'What people did (pause, resume, seek, replay, retry, retention) and what state heartbeat was in from then on (state), with '
    'when, who and why. What is undone leaves no row. The newest 10,000 are kept, none longer than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_events.id IS 'Rises with each event, not without gaps.';
COMMENT ON COLUMN heartbeat_events.happened_at IS 'When.';
COMMENT ON COLUMN heartbeat_events.role IS 'The session''s user; NULL where heartbeat''s own processes did it.';
COMMENT ON COLUMN heartbeat_events.kind IS
    'pause, resume, seek (also by heartbeat.offset_reset), retry (of dead letters), replay, retention, state, ...';
COMMENT ON COLUMN heartbeat_events.reason IS 'Why: what the caller gave, or what was found.';
COMMENT ON COLUMN heartbeat_events.details IS 'More, by kind: partitions and offsets, what was deleted, the state.';

CREATE FUNCTION heartbeat_actor() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_actor() IS 'Internal: the session''s user, or NULL in heartbeat''s own processes.';

-- Who deletes rows that are too many waits for nobody, and would fail in a stricter isolation where another has.
CREATE FUNCTION heartbeat_record_event(kind text, reason text, details jsonb DEFAULT NULL,
                                       happened_at timestamptz DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_events (happened_at, role, kind, reason, details)
        VALUES (heartbeat_record_event.happened_at, heartbeat_actor(), heartbeat_record_event.kind,
                heartbeat_record_event.reason, heartbeat_record_event.details);
    DELETE FROM heartbeat_events
        WHERE current_setting('transaction_isolation') = 'read committed'
          AND id IN (SELECT e.id FROM heartbeat_events e
                     WHERE e.id <= (SELECT max(m.id) FROM heartbeat_events m) - 10000
                     ORDER BY e.id LIMIT 100 FOR UPDATE SKIP LOCKED);
    SELECT pg_notify('heartbeat_state', json_build_object(
            'state', heartbeat_record_event.details->>'state', 'since', heartbeat_record_event.happened_at,
            'reason', heartbeat_record_event.reason)::text)
        WHERE heartbeat_record_event.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_record_event(text, text, jsonb, timestamptz) IS
    'Internal: adds an event in the caller''s transaction, with the session''s user as its role. For a function of the '
    'extension that acts: SELECT heartbeat_record_event(''seek'', ''why'', jsonb_build_object(''partition'', 0)), once for '
    'each call, after what it tells of.';

--
-- What could not be stored, and the second try
--

CREATE TABLE heartbeat_dead_letters (
    id               bigserial PRIMARY KEY,
    topic            text COLLATE "C" NOT NULL,
    partition        integer NOT NULL,
    "offset"         bigint NOT NULL,
    key              bytea,
    payload          bytea,
    kafka_timestamp  timestamptz,
    error_code       text COLLATE "C" NOT NULL,
    error_text       text NOT NULL,
    arrived_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at      timestamptz,
    mended_at        timestamptz,
    original_payload bytea
);
CREATE INDEX ON heartbeat_dead_letters (topic, partition, "offset");
CREATE INDEX ON heartbeat_dead_letters (id) WHERE resolved_at IS NULL;
COMMENT ON TABLE heartbeat_dead_letters IS
    'Every message that could not become a reading, with its exact bytes. To repair one: UPDATE its payload, then '
    'heartbeat_retry_dead_letters(). To give it up: DELETE it.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'A number for the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS
    'The message''s payload; NULL for a tombstone. It may be updated: the next retry decodes it.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS
    'What was wrong at the last try: INVALID_JSON, MISSING_FIELD, ..., or the SQLSTATE with which the database refused it.';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'What was wrong at the last try, for a person.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored it as a reading; NULL until then.';
COMMENT ON COLUMN heartbeat_dead_letters.mended_at IS 'When somebody first changed the payload; NULL: it is as it arrived.';
COMMENT ON COLUMN heartbeat_dead_letters.original_payload IS
    'The payload as it arrived, where it was changed since; a replay knows the message by it.';

CREATE FUNCTION heartbeat_keep_original() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.mended_at := now();
    NEW.original_payload := OLD.payload;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION heartbeat_keep_original() IS
    'Internal: keeps the payload of a dead letter that somebody mends, as it arrived.';
CREATE TRIGGER heartbeat_dead_letters_mended BEFORE UPDATE OF payload ON heartbeat_dead_letters
    FOR EACH ROW WHEN (OLD.mended_at IS NULL AND OLD.payload IS DISTINCT FROM NEW.payload)
    EXECUTE FUNCTION heartbeat_keep_original();

-- What is deleted unresolved is given up by a person, or old. Counting it keeps heartbeat_audit_tables() exact, and lets
-- heartbeat.dead_letter_limit know how many there are without counting rows.
CREATE FUNCTION heartbeat_count_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partitions bigint;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('UPDATE %I.heartbeat_offsets SET dead_letters_deleted = dead_letters'
                       ' WHERE dead_letters_deleted <> dead_letters', TG_TABLE_SCHEMA);
    ELSE
        EXECUTE format('UPDATE %I.heartbeat_offsets o SET dead_letters_deleted = o.dead_letters_deleted + d.deleted'
                       ' FROM (SELECT topic, partition, count(*) AS deleted FROM deleted_letters'
                       '       WHERE resolved_at IS NULL GROUP BY topic, partition) d'
                       ' WHERE o.topic = d.topic AND o.partition = d.partition', TG_TABLE_SCHEMA);
    END IF;
    GET DIAGNOSTICS partitions = ROW_COUNT;
    IF partitions > 0 AND current_setting('heartbeat.dead_letter_limit', true)::integer > 0 THEN
        EXECUTE format('SELECT %I.heartbeat_wake_workers()', TG_TABLE_SCHEMA);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION heartbeat_count_deleted() IS
    'Internal: counts in heartbeat_offsets the unresolved dead letters that are deleted, and has workers that stopped for '
    'their number try again.';
CREATE TRIGGER heartbeat_dead_letters_deleted AFTER DELETE ON heartbeat_dead_letters
    REFERENCING OLD TABLE AS deleted_letters FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();
CREATE TRIGGER heartbeat_dead_letters_truncated AFTER TRUNCATE ON heartbeat_dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();

CREATE FUNCTION heartbeat_retry_dead_letters(error_code text DEFAULT NULL, topic text DEFAULT NULL,
                                             partition integer DEFAULT NULL,
                                             arrived_since timestamptz DEFAULT NULL,
                                             arrived_until timestamptz DEFAULT NULL, ids bigint[] DEFAULT NULL,
                                             OUT resolved bigint, OUT remaining bigint, OUT remaining_errors jsonb)
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]) IS
    'Decodes unresolved dead letters again, stores those that now are readings, and marks them resolved, all in the '
    'caller''s transaction. Arguments that are given narrow down which: an error code, a topic, a partition, when they '
    'arrived (arrived_since <= arrived_at < arrived_until), ids. Returns how many of them were resolved, how many '
    'remain, and what is wrong with those, as {"code": count}.';

-- Without payloads, so that it can be shown to whoever may not see patients' data.
CREATE VIEW heartbeat_dead_letter_summary AS
    SELECT e.error_code, e.dead_letters, e.first_arrived_at, e.last_arrived_at, l.id AS example_id,
           l.topic AS example_topic, l.partition AS example_partition, l."offset" AS example_offset,
           l.error_text AS example_error
    FROM (SELECT d.error_code, count(*) AS dead_letters, min(d.arrived_at) AS first_arrived_at,
                 max(d.arrived_at) AS last_arrived_at, max(d.id) AS newest
          FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL GROUP BY d.error_code) e
    JOIN heartbeat_dead_letters l ON l.id = e.newest
    ORDER BY e.dead_letters DESC, e.error_code;
COMMENT ON VIEW heartbeat_dead_letter_summary IS
    'One row an error code of the dead letters that are not resolved: how many, when they arrived, and the newest one.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.error_code IS 'What was wrong at the last try.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.dead_letters IS 'How many dead letters that are not resolved.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.first_arrived_at IS 'When the first of them arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.last_arrived_at IS 'When the last of them arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_id IS 'The newest one: its id in heartbeat_dead_letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_topic IS 'Its Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_partition IS 'Its Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_offset IS 'Its Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_error IS 'What was wrong with it, for a person.';

--
-- Steering. The worker holds a SHARE lock on heartbeat_control while it stores a batch, so a change of this table
-- waits for the batch under way, and the next batch waits for the change: that is what makes a pause exact.
--

CREATE TABLE heartbeat_control (
    hold       text COLLATE "C" PRIMARY KEY DEFAULT 'pause' CHECK (hold IN ('pause', 'restore')),
    paused     boolean NOT NULL,
    reason     text,
    changed_by text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE heartbeat_control IS 'Whether ingest is paused: a row from the first pause on, and one in a database restored from a dump, until heartbeat_resume().';
COMMENT ON COLUMN heartbeat_control.hold IS
    'What holds ingest back: pause (heartbeat_pause) or restore (the extension was made by a dump).';
COMMENT ON COLUMN heartbeat_control.paused IS 'Whether ingest is paused.';
COMMENT ON COLUMN heartbeat_control.reason IS 'What heartbeat_pause was told, or how the database was restored.';
COMMENT ON COLUMN heartbeat_control.changed_by IS 'The session''s user who paused or resumed.';
COMMENT ON COLUMN heartbeat_control.changed_at IS 'When.';

CREATE FUNCTION heartbeat_wake_workers() RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_wake_workers() IS
    'Internal: when the transaction commits, tells the workers to look at heartbeat_control and heartbeat_offsets again.';

CREATE FUNCTION heartbeat_pause(reason text DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_control AS c (paused, reason) VALUES (true, heartbeat_pause.reason)
        ON CONFLICT (hold) DO UPDATE
        SET paused = true, reason = excluded.reason, changed_by = session_user, changed_at = now();
    SELECT heartbeat_record_event('pause', heartbeat_pause.reason);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_pause(text) IS
    'Pauses ingest. Durable (a restart stays paused), transactional, and exact: it waits for the batch under way, and '
    'once it has committed not one more row is ingested. The reason is shown by heartbeat_status.';

CREATE FUNCTION heartbeat_resume() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM heartbeat_control WHERE hold = 'restore';
    UPDATE heartbeat_control
        SET paused = false, reason = NULL, changed_by = session_user, changed_at = now() WHERE paused;
    SELECT heartbeat_record_event('resume', NULL);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_resume() IS
    'Ends a pause, also that of a database restored from a dump, and lets workers that stopped as FAILED try again. Does '
    'nothing where ingest is running.';

--
-- Going back and forth in the topic
--

CREATE FUNCTION heartbeat_move_offset(topic text, partition integer, next_offset bigint, reason text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH moved AS (
        UPDATE heartbeat_offsets o
            SET next_offset = heartbeat_move_offset.next_offset,
                empty_offsets = o.empty_offsets + greatest(heartbeat_move_offset.next_offset - before.next_offset, 0),
                rewound = o.rewound + greatest(before.next_offset - heartbeat_move_offset.next_offset, 0),
                -- the offset is of what the worker finds next
                cluster_id = NULL, topic_id = NULL, lost_at = NULL, lost_reason = NULL, last_message_offset = NULL,
                updated_at = now()
            FROM (SELECT s.topic, s.partition, s.next_offset FROM heartbeat_offsets s
                  WHERE s.topic = heartbeat_move_offset.topic AND s.partition = heartbeat_move_offset.partition
                  FOR UPDATE) before
            WHERE o.topic = before.topic AND o.partition = before.partition
            RETURNING o.topic, o.partition, before.next_offset AS previous
    ), begun AS (
        INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset)
            SELECT heartbeat_move_offset.topic, heartbeat_move_offset.partition,
                   heartbeat_move_offset.next_offset, heartbeat_move_offset.next_offset
            WHERE NOT EXISTS (SELECT FROM moved)
    ), skipped AS (
        INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason)
            SELECT m.topic, m.partition, m.previous, heartbeat_move_offset.next_offset, heartbeat_move_offset.reason
            FROM moved m WHERE heartbeat_move_offset.next_offset > m.previous
    )
    SELECT m.previous
    FROM (SELECT (SELECT previous FROM moved) AS previous) m,
         LATERAL heartbeat_record_event('seek', heartbeat_move_offset.reason, jsonb_build_object(
             'topic', heartbeat_move_offset.topic, 'partition', heartbeat_move_offset.partition,
             'previous_offset', m.previous, 'next_offset', heartbeat_move_offset.next_offset)) recorded;
END;
COMMENT ON FUNCTION heartbeat_move_offset(text, integer, bigint, text) IS
    'Internal: moves a partition''s next offset, records what that skips or goes back over, and returns the offset '
    'before (NULL where none was stored).';

CREATE FUNCTION heartbeat_require(condition boolean, message text, code text, hint text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF condition IS NOT TRUE THEN
        RAISE EXCEPTION USING MESSAGE = message, ERRCODE = code, HINT = hint;
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_require(boolean, text, text, text) IS 'Internal: an error unless the condition holds.';

CREATE FUNCTION heartbeat_require_pause() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(EXISTS (SELECT FROM heartbeat_control WHERE paused),
                             'heartbeat_seek needs ingest to be paused', 'object_not_in_prerequisite_state',
                             'Call heartbeat_pause() first and heartbeat_resume() afterwards.');
END;
COMMENT ON FUNCTION heartbeat_require_pause() IS 'Internal: an error unless ingest is paused.';

CREATE FUNCTION heartbeat_check_offset(partition integer, next_offset bigint) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_check_offset(integer, bigint) IS
    'Internal: an error where Kafka does not hold the offset, with what it holds; a notice where it cannot be asked.';

CREATE FUNCTION heartbeat_seek(partition integer, next_offset bigint,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(partition >= 0 AND next_offset >= 0,
                             format('heartbeat_seek needs a partition and an offset of 0 or more, not (%s, %s)',
                                    coalesce(partition::text, 'NULL'), coalesce(next_offset::text, 'NULL')),
                             'invalid_parameter_value', 'heartbeat_partitions shows the partitions with their offsets.');
    SELECT heartbeat_require_pause();
    SELECT heartbeat_wake_workers(); -- loads the library, which defines the setting
    SELECT heartbeat_check_offset(partition, next_offset);
    SELECT current_setting('heartbeat.topic'), partition,
           heartbeat_move_offset(current_setting('heartbeat.topic'), partition, next_offset, 'heartbeat_seek to an offset'),
           next_offset;
END;
COMMENT ON FUNCTION heartbeat_seek(integer, bigint) IS
    'Sets the offset that will be read next from a partition of heartbeat.topic: a lower one replays (readings that '
    'are stored already count as duplicates), a higher one skips and is recorded in heartbeat_gaps. Ingest must be '
    'paused. An offset that Kafka does not hold is refused; where Kafka cannot be asked, or does not have the partition '
    'yet, it is taken with a notice. Shows the offset before and after.';

CREATE FUNCTION heartbeat_kafka_offsets(event_time timestamptz, only_partition integer DEFAULT NULL,
                                        OUT partition integer, OUT next_offset bigint)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_kafka_offsets(timestamptz, integer) IS
    'Asks Kafka, for each partition of heartbeat.topic or for one, for the first offset whose Kafka timestamp is at or after the '
    'given time, or the end of the partition where there is none.';

-- Sorting makes it move all of them, also for a caller who takes one row only.
CREATE FUNCTION heartbeat_seek(event_time timestamptz, partition integer DEFAULT NULL,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint)
    RETURNS SETOF record
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(isfinite(event_time),
                             'heartbeat_seek needs a finite time, not ' || coalesce(event_time::text, 'NULL'),
                             'invalid_parameter_value', 'It is compared with the Kafka timestamps of the messages.');
    SELECT heartbeat_require_pause();
    SELECT heartbeat_wake_workers(); -- loads the library, which defines the setting
    WITH moved AS MATERIALIZED (
        SELECT k.partition, k.next_offset,
               heartbeat_move_offset(current_setting('heartbeat.topic'), k.partition, k.next_offset,
                                     'heartbeat_seek to ' || event_time::text) AS previous
        FROM heartbeat_kafka_offsets(event_time, heartbeat_seek.partition) k
    )
    SELECT current_setting('heartbeat.topic'), m.partition, m.previous, m.next_offset FROM moved m ORDER BY m.partition;
END;
COMMENT ON FUNCTION heartbeat_seek(timestamptz, integer) IS
    'Moves every partition of heartbeat.topic, or the one given, to its first message whose Kafka timestamp is at or after the given '
    'time. Ingest must be paused. Shows each partition''s offset before and after.';

--
-- Reading a span of time again, while ingest goes on
--

CREATE FUNCTION heartbeat_replay(from_time timestamptz, to_time timestamptz, only_partition integer DEFAULT NULL,
                                 OUT partition integer, OUT from_offset bigint, OUT to_offset bigint,
                                 OUT messages bigint, OUT records bigint, OUT anomalies bigint,
                                 OUT duplicates bigint, OUT dead_letters bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_replay(timestamptz, timestamptz, integer) IS
    'Reads messages of heartbeat.topic again, from each partition''s (or the given one''s) first whose Kafka timestamp is '
    'at or after from_time to before its first at or after to_time, and stores the readings and dead letters that the '
    'tables do not have, in the caller''s transaction. Called again it stores nothing. Ingest goes on; positions stay as '
    'they are, and what ingest has not reached is left to it. heartbeat_audit() and heartbeat_audit_tables() account for '
    'it: rows that had been deleted and are back were counted when they were first stored, what a seek had skipped is '
    'counted now. An unresolved dead letter stays one: see heartbeat_retry_dead_letters(). An error where Kafka no longer '
    'holds all of the time. Shows what was read and stored, a row a partition.';

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

--
-- What the workers are doing
--

CREATE FUNCTION heartbeat_state(OUT state text, OUT since timestamptz, OUT reason text, OUT hint text,
                                OUT workers integer, OUT messages_per_second double precision,
                                OUT last_error text, OUT last_error_at timestamptz,
                                OUT busy_since timestamptz, OUT lag_messages bigint,
                                OUT lag_seconds double precision)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_state() IS
    'Internal: behind heartbeat_status. The workers'' state is from shared memory, pause and positions are from '
    'heartbeat_control and heartbeat_offsets; where one of these is locked it is not waited for, and lag is what the '
    'workers say.';

CREATE FUNCTION heartbeat_partition_states(OUT partition integer, OUT high_watermark bigint, OUT worker_pid integer)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_partition_states() IS
    'Internal: what the workers know of each partition, from shared memory, behind heartbeat_partitions.';

CREATE FUNCTION heartbeat_batch_times(OUT upper_bound double precision, OUT batches bigint,
                                      OUT total_seconds double precision)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_batch_times() IS
    'How many batches took at most upper_bound seconds to be stored, since the server started, and the seconds of all '
    'batches together; from shared memory, behind heartbeat_metrics.';

CREATE VIEW heartbeat_partitions AS
    SELECT o.topic, o.partition, o.next_offset, s.high_watermark,
           CASE WHEN s.high_watermark IS NOT NULL THEN greatest(s.high_watermark - o.next_offset, 0) END
               AS lag_messages,
           o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           s.worker_pid, o.last_message_at,
           CASE WHEN s.high_watermark > o.next_offset
                THEN greatest(extract(epoch FROM clock_timestamp() - o.last_message_at), 0)::double precision
                WHEN s.high_watermark IS NOT NULL THEN 0 END AS lag_seconds
    FROM heartbeat_offsets o
    LEFT JOIN heartbeat_partition_states() s USING (partition)
    WHERE o.topic = current_setting('heartbeat.topic', true);
COMMENT ON VIEW heartbeat_partitions IS
    'One row for each partition of heartbeat.topic: position, the end of the partition as the worker last saw it, '
    'lag in messages, what became of the messages, and the worker that reads it.';
COMMENT ON COLUMN heartbeat_partitions.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_partitions.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_partitions.next_offset IS 'The offset that will be read next.';
COMMENT ON COLUMN heartbeat_partitions.high_watermark IS
    'The offset after the partition''s last message, as its worker last saw it; NULL while no worker reads it.';
COMMENT ON COLUMN heartbeat_partitions.lag_messages IS
    'Offsets between next_offset and high_watermark; NULL while no worker reads the partition.';
COMMENT ON COLUMN heartbeat_partitions.records IS 'Messages stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_partitions.anomalies IS 'Messages stored in heartbeat_anomalies.';
COMMENT ON COLUMN heartbeat_partitions.duplicates IS 'Messages whose reading or dead letter was stored already.';
COMMENT ON COLUMN heartbeat_partitions.dead_letters IS
    'Messages stored in heartbeat_dead_letters and not resolved since.';
COMMENT ON COLUMN heartbeat_partitions.empty_offsets IS 'Offsets that held no message.';
COMMENT ON COLUMN heartbeat_partitions.worker_pid IS
    'Process id of the worker that reads the partition; NULL for none.';
COMMENT ON COLUMN heartbeat_partitions.last_message_at IS 'Kafka timestamp of the last message read.';
COMMENT ON COLUMN heartbeat_partitions.lag_seconds IS
    'Age of the last message read, where there is lag; 0 without, NULL while no worker reads the partition.';

CREATE VIEW heartbeat_status AS
    SELECT state, since, reason, workers, messages_per_second, lag_messages, lag_seconds, last_error, last_error_at, hint
    FROM heartbeat_state();
COMMENT ON VIEW heartbeat_status IS
    'One row: what the workers are doing (RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED, STOPPED), since when, '
    'why, how many run, messages a second over the last minute, lag, the last error, and what to do next.';
COMMENT ON COLUMN heartbeat_status.state IS 'RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED or STOPPED.';
COMMENT ON COLUMN heartbeat_status.since IS 'Since when it is so; NULL where that is not known.';
COMMENT ON COLUMN heartbeat_status.reason IS 'Why it is so.';
COMMENT ON COLUMN heartbeat_status.workers IS 'How many ingest workers run.';
COMMENT ON COLUMN heartbeat_status.messages_per_second IS 'Messages stored a second, over the last minute.';
COMMENT ON COLUMN heartbeat_status.lag_messages IS 'Sum of the partitions'' lag; NULL where a partition has no worker.';
COMMENT ON COLUMN heartbeat_status.lag_seconds IS
    'Age of the last message read, in seconds, of the partition that lags most; 0 without lag.';
COMMENT ON COLUMN heartbeat_status.last_error IS 'The last error of any worker.';
COMMENT ON COLUMN heartbeat_status.last_error_at IS 'When that was.';
COMMENT ON COLUMN heartbeat_status.hint IS 'What to do next.';

--
-- What was measured: the views that dashboards ask
--

-- Minutes that nothing is to be added to are read as they are; those that ingest has just added to are few.
CREATE VIEW vw_customer_bpm_summary AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM (SELECT minute_bucket FROM heartbeat_stale_minutes
                                   UNION SELECT minute_bucket FROM heartbeat_rollup_pending) t
                      WHERE t.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (WITH minutes AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM heartbeat_rollup_pending)
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM heartbeat_rollup_pending
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM minutes))
            AND minute_bucket >= (SELECT min(minute_bucket) FROM minutes) -- which partitions to look into
            AND minute_bucket <= (SELECT max(minute_bucket) FROM minutes)) a
    WHERE NOT EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket = a.minute_bucket)
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s, heartbeat_summarize_minute(s.minute_bucket) m;
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings by customer and minute; always exact, late readings included.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'How many normal readings the minute has.';

CREATE VIEW vw_recent_anomalies AS
    SELECT customer_id, heart_rate, anomaly_type, event_timestamp
    FROM heartbeat_anomalies
    WHERE event_timestamp > now() - interval '24 hours'
    ORDER BY event_timestamp DESC;
COMMENT ON VIEW vw_recent_anomalies IS 'Anomalies of the last 24 hours, newest first.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'Who was measured.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When it was measured, by the device''s clock.';

CREATE VIEW vw_pipeline_summary AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event, max(last_event) AS last_event
        FROM heartbeat_offsets
    ), pending AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM heartbeat_rollup_pending
    ), customers AS (
        SELECT (SELECT coalesce(sum(customers), 0) FROM heartbeat_customers_total) +
               (SELECT count(*) FROM pending p
                -- as a subquery with a LIMIT, so that each is looked up and never all are read
                WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = p.customer_id LIMIT 1) IS NULL
               ) AS customers
    )
    SELECT m.metric, m.value
    FROM totals t, customers c, heartbeat_status s,
         LATERAL (VALUES
            (1, 'total_records', t.records::text),
            (2, 'total_anomalies', t.anomalies::text),
            (3, 'bradycardia', t.bradycardia::text),
            (4, 'tachycardia', t.tachycardia::text),
            (5, 'invalid', t.invalid::text),
            (6, 'duplicates', t.duplicates::text),
            (7, 'dead_letters', t.dead_letters::text),
            (8, 'customers', c.customers::text),
            (9, 'first_event', t.first_event::text),
            (10, 'last_event', t.last_event::text),
            (11, 'state', s.state),
            (12, 'lag_messages', s.lag_messages::text),
            (13, 'lag_seconds', round(s.lag_seconds::numeric, 1)::text)
         ) AS m (position, metric, value)
    ORDER BY m.position;
COMMENT ON VIEW vw_pipeline_summary IS
    'One row a metric: totals since the first reading (retention does not lower them), customers, first and last event, lag.';
COMMENT ON COLUMN vw_pipeline_summary.metric IS 'Name of the metric.';
COMMENT ON COLUMN vw_pipeline_summary.value IS 'Its value, as text; NULL where it is not known.';

--
-- Rules that people write, and the alerts that come of them. The maintenance worker evaluates the rules; an alert is open
-- from when its condition is met until it is no longer, and there is one row for each such episode.
--

CREATE TABLE heartbeat_alert_rules (
    name         text COLLATE "C" PRIMARY KEY CHECK (length(name) BETWEEN 1 AND 200),
    kind         text COLLATE "C" NOT NULL,
    threshold    bigint,
    period       interval,
    customer_id  text COLLATE "C" CHECK (length(customer_id) BETWEEN 1 AND 256),
    anomaly_type text COLLATE "C" CHECK (anomaly_type IN ('BRADYCARDIA', 'TACHYCARDIA', 'INVALID')),
    enabled      boolean NOT NULL DEFAULT true,
    comment      text,
    CONSTRAINT heartbeat_alert_rules_kind
        CHECK (kind IN ('anomalies', 'silence', 'lag', 'dead_letters', 'state')),
    -- what a rule needs, and nothing that would say nothing; without BETWEEN, which a dump would write otherwise
    CONSTRAINT heartbeat_alert_rules_fields CHECK ((CASE kind
        WHEN 'anomalies' THEN threshold >= 1 AND threshold <= 1000
                              AND period >= interval '1 second' AND period <= interval '1 hour'
        WHEN 'silence' THEN threshold IS NULL AND anomaly_type IS NULL
                            AND period >= interval '10 seconds' AND period <= interval '1 day'
        WHEN 'state' THEN threshold IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
                          AND period >= interval '0' AND period <= interval '1 day'
        WHEN 'lag' THEN threshold >= 0 AND period IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
        WHEN 'dead_letters' THEN threshold >= 0 AND period IS NULL AND anomaly_type IS NULL AND customer_id IS NULL
        ELSE true END) IS TRUE)
);
COMMENT ON TABLE heartbeat_alert_rules IS
    'What is to raise an alert: a number of anomalies of one customer in a time, the silence of a customer, lag, dead '
    'letters, a state that is not RUNNING. A change is noticed when it commits.';
COMMENT ON COLUMN heartbeat_alert_rules.name IS 'What the rule is called, in heartbeat_alerts too.';
COMMENT ON COLUMN heartbeat_alert_rules.kind IS
    'anomalies: a customer has threshold of them within period, by their event_timestamp. silence: a customer heard in the '
    'last day has sent nothing for period. lag: lag_messages is above threshold. dead_letters: more than threshold are '
    'unresolved. state: heartbeat_status has not been RUNNING for period.';
COMMENT ON COLUMN heartbeat_alert_rules.threshold IS 'How many; see kind.';
COMMENT ON COLUMN heartbeat_alert_rules.period IS
    'How long; see kind. Up to an hour for anomalies, 10 seconds to a day for silence.';
COMMENT ON COLUMN heartbeat_alert_rules.customer_id IS 'Of this customer alone; NULL: of each one.';
COMMENT ON COLUMN heartbeat_alert_rules.anomaly_type IS 'Of this type alone; NULL: of any.';
COMMENT ON COLUMN heartbeat_alert_rules.enabled IS 'Whether it is evaluated; the alerts of a rule that is not are closed.';
COMMENT ON COLUMN heartbeat_alert_rules.comment IS 'What it is for.';

CREATE TABLE heartbeat_alerts (
    id        bigserial PRIMARY KEY,
    rule      text COLLATE "C" NOT NULL,
    subject   text COLLATE "C" NOT NULL,
    raised_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    closed_at timestamptz,
    detail    jsonb NOT NULL
);
CREATE UNIQUE INDEX ON heartbeat_alerts (rule, subject) WHERE closed_at IS NULL;
CREATE INDEX ON heartbeat_alerts (closed_at) WHERE closed_at IS NOT NULL;
COMMENT ON TABLE heartbeat_alerts IS
    'One row for each time that a rule''s condition was met: open while closed_at is NULL. Of those that are closed the '
    'newest 10,000 are kept, none longer than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_alerts.id IS 'Rises with each alert, not without gaps.';
COMMENT ON COLUMN heartbeat_alerts.rule IS 'The rule''s name.';
COMMENT ON COLUMN heartbeat_alerts.subject IS 'Whom it is about: the customer, the topic, or pipeline.';
COMMENT ON COLUMN heartbeat_alerts.raised_at IS 'When it was raised.';
COMMENT ON COLUMN heartbeat_alerts.closed_at IS 'When it was over, or its rule disabled; NULL while it is open.';
COMMENT ON COLUMN heartbeat_alerts.detail IS 'What was found when it was raised, by kind of the rule.';

CREATE FUNCTION heartbeat_rules_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_rules_changed() IS
    'Internal: when the transaction commits, tells the maintenance worker to look at heartbeat_alert_rules again.';
CREATE TRIGGER heartbeat_alert_rules_changed AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON heartbeat_alert_rules
    FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_rules_changed();

-- What is asked of the readings is asked by functions: on one server and on the nodes of a cluster, which answer no query
-- that has the coordinator's tables in it, too.
CREATE FUNCTION heartbeat_newest_anomalies(since timestamptz, until timestamptz, only_customer text, only_type text,
                                           OUT customer_id text, OUT event_timestamp timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE (SELECT format(
        'SELECT h.customer_id, h.event_timestamp FROM %I.heartbeat_anomalies h'
        ' WHERE h.event_timestamp > $1 AND h.event_timestamp < $2 AND ($3 IS NULL OR h.customer_id = $3)'
        ' AND ($4 IS NULL OR h.anomaly_type = $4) ORDER BY h.event_timestamp DESC LIMIT 100000', n.nspname)
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat')
        USING since, until, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text) IS
    'Internal: of the anomalies between two times the newest 100,000, of a customer and a type where they are given.';

-- As subqueries with a LIMIT customers are looked up in the partitions' keys, whatever the planner thinks of the tables.
-- On nodes, first who was heard in the last minute: of the others there are few readings in all of the time.
CREATE FUNCTION heartbeat_heard(customers text[], since timestamptz) RETURNS SETOF text
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    distributed boolean;
    heard text[];
BEGIN
    EXECUTE format('SELECT %I.heartbeat_is_distributed()', schema) INTO distributed;
    IF NOT distributed THEN
        RETURN QUERY EXECUTE format(
            'SELECT w.customer_id FROM unnest($1) w (customer_id)'
            ' WHERE (SELECT true FROM %1$I.heartbeat_records h WHERE h.customer_id = w.customer_id'
            '        AND h.event_timestamp > $2 LIMIT 1)'
            '    OR (SELECT true FROM %1$I.heartbeat_anomalies h WHERE h.customer_id = w.customer_id'
            '        AND h.event_timestamp > $2 LIMIT 1)', schema) USING customers, since;
        RETURN;
    END IF;
    EXECUTE format('SELECT array_agg(DISTINCT h.customer_id) FROM %I.heartbeat_records h'
                   ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2', schema)
        INTO heard USING customers, greatest(since, now() - interval '1 minute');
    heard := coalesce(heard, '{}');
    RETURN QUERY SELECT unnest(heard);
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id FROM %1$I.heartbeat_records h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2'
        ' UNION SELECT h.customer_id FROM %1$I.heartbeat_anomalies h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2',
        schema) USING ARRAY(SELECT unnest(customers) EXCEPT SELECT unnest(heard)), since;
END
$$;
COMMENT ON FUNCTION heartbeat_heard(text[], timestamptz) IS
    'Internal: those of some customers who have a reading after a time.';

-- Index ranges only, and at most so much of each: the newest 100,000 anomalies of a rule's time, 10,000 customers a call
-- (in turn: the caller gives back what it got), 1,000 alerts raised a call. A window begins a minute earlier than the
-- rule's period, for readings that arrive late. Who is silent cannot be told while ingest is behind.
CREATE FUNCTION heartbeat_evaluate_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH rules AS MATERIALIZED (
        SELECT r.name, r.kind, r.threshold, r.period, r.customer_id, r.anomaly_type
        FROM heartbeat_alert_rules r WHERE r.enabled
    ), status AS MATERIALIZED (
        SELECT s.state, s.since, s.reason, s.lag_messages, coalesce(s.lag_seconds, 0) AS lag_seconds
        FROM heartbeat_status s WHERE EXISTS (SELECT FROM rules WHERE kind IN ('silence', 'lag', 'state'))
    ), slice AS MATERIALIZED (
        SELECT c.customer_id FROM heartbeat_customers c
        WHERE c.customer_id > coalesce(after_customer, '')
          AND with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence' AND rules.customer_id IS NULL)
        ORDER BY c.customer_id LIMIT 10000
    ), bounds AS MATERIALIZED (
        SELECT coalesce(after_customer, '') AS after, CASE WHEN count(*) = 10000 THEN max(customer_id) END AS up_to
        FROM slice
    ), anomalies AS (
        SELECT r.name AS rule, a.customer_id AS subject,
               jsonb_build_object('kind', r.kind, 'anomalies', max(a.within), 'period', r.period,
                                  'last_event', max(a.event_timestamp)) AS detail
        FROM rules r, LATERAL (
            SELECT n.customer_id, n.event_timestamp,
                   count(*) OVER (PARTITION BY n.customer_id ORDER BY n.event_timestamp
                                  RANGE BETWEEN r.period PRECEDING AND CURRENT ROW) AS within
            FROM heartbeat_newest_anomalies(now() - r.period - interval '1 minute', now() + interval '1 minute',
                                            r.customer_id, r.anomaly_type) n) a
        WHERE r.kind = 'anomalies'
        GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
        HAVING max(a.within) >= r.threshold
    ), watched AS MATERIALIZED ( -- each customer whose silence is looked at now
        SELECT r.name AS rule, r.kind, r.period, c.customer_id
        FROM rules r JOIN slice c ON r.customer_id IS NULL WHERE r.kind = 'silence'
        UNION ALL
        SELECT r.name, r.kind, r.period, r.customer_id
        FROM rules r WHERE r.kind = 'silence' AND r.customer_id IS NOT NULL AND with_silence
    ), silences AS MATERIALIZED ( -- and those whose silence may be over
        SELECT o.id, o.subject, r.period
        FROM heartbeat_alerts o JOIN rules r ON r.name = o.rule, bounds b
        WHERE o.closed_at IS NULL AND r.kind = 'silence' AND with_silence
          AND (r.customer_id IS NOT NULL OR o.subject > b.after AND (b.up_to IS NULL OR o.subject <= b.up_to))
    ), heard AS MATERIALIZED (
        SELECT p.period, h.customer_id
        FROM (SELECT q.period, array_agg(DISTINCT q.customer_id) AS customers
              FROM (SELECT w.period, w.customer_id FROM watched w UNION SELECT l.period, l.subject FROM silences l) q
              GROUP BY q.period) p, heartbeat_heard(p.customers, now() - p.period) h (customer_id)
    ), heard_again AS MATERIALIZED (
        SELECT l.id FROM silences l JOIN heard h ON h.period = l.period AND h.customer_id = l.subject
    ), unheard AS MATERIALIZED (
        SELECT w.rule, w.kind, w.period, w.customer_id
        FROM watched w JOIN status s ON s.state = 'RUNNING' AND s.lag_seconds < extract(epoch FROM w.period)
        WHERE (w.period, w.customer_id) NOT IN (SELECT h.period, h.customer_id FROM heard h)
    ), silence AS (
        SELECT u.rule, u.customer_id AS subject, jsonb_build_object('kind', u.kind, 'period', u.period) AS detail
        FROM (SELECT n.period, array_agg(DISTINCT n.customer_id) AS customers FROM unheard n GROUP BY n.period) p,
             heartbeat_heard(p.customers, now() - p.period - interval '1 day') h (customer_id),
             unheard u
        WHERE u.period = p.period AND u.customer_id = h.customer_id
    ), pipeline AS (
        SELECT r.name AS rule, current_setting('heartbeat.topic') AS subject,
               jsonb_build_object('kind', r.kind, 'lag_messages', s.lag_messages) AS detail
        FROM rules r JOIN status s ON s.lag_messages > r.threshold WHERE r.kind = 'lag'
        UNION ALL
        SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'dead_letters', d.unresolved)
        FROM rules r, (SELECT coalesce(sum(o.dead_letters - o.dead_letters_deleted), 0) AS unresolved
                       FROM heartbeat_offsets o) d
        WHERE r.kind = 'dead_letters' AND d.unresolved > r.threshold
        UNION ALL
        SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'state', s.state, 'reason', s.reason)
        FROM rules r JOIN status s ON s.state <> 'RUNNING' AND coalesce(s.since <= clock_timestamp() - r.period, true)
        WHERE r.kind = 'state'
    ), met AS MATERIALIZED (
        SELECT rule, subject, detail FROM anomalies
        UNION ALL SELECT rule, subject, detail FROM silence
        UNION ALL SELECT rule, subject, detail FROM pipeline
    ), raised AS (
        INSERT INTO heartbeat_alerts (rule, subject, detail)
            SELECT m.rule, m.subject, m.detail FROM met m
            WHERE NOT EXISTS (SELECT FROM heartbeat_alerts o
                              WHERE o.rule = m.rule AND o.subject = m.subject AND o.closed_at IS NULL)
            ORDER BY m.rule, m.subject LIMIT 1000
            ON CONFLICT DO NOTHING
            RETURNING id, rule, subject, raised_at, closed_at, detail
    ), over AS ( -- at most as many as are looked at: a silence is over when its customer is heard
        SELECT o.id
        FROM heartbeat_alerts o LEFT JOIN rules r ON r.name = o.rule
        WHERE o.closed_at IS NULL
          AND CASE WHEN r.name IS NULL THEN true
                   WHEN r.kind = 'silence' THEN
                       (r.customer_id IS NOT NULL AND r.customer_id <> o.subject)
                       OR o.id IN (SELECT a.id FROM heard_again a)
                   ELSE NOT EXISTS (SELECT FROM met m WHERE m.rule = o.rule AND m.subject = o.subject) END
        ORDER BY o.id LIMIT 1000
    ), closed AS (
        UPDATE heartbeat_alerts a SET closed_at = clock_timestamp() FROM over WHERE a.id = over.id
            RETURNING a.id, a.rule, a.subject, a.raised_at, a.closed_at, a.detail
    ), told AS MATERIALIZED (
        SELECT t.closed_at,
               pg_notify('heartbeat_alert', json_build_object(
                   'alert', CASE WHEN t.closed_at IS NULL THEN 'raised' ELSE 'closed' END, 'id', t.id, 'rule', t.rule,
                   'subject', t.subject, 'raised_at', t.raised_at, 'closed_at', t.closed_at, 'detail', t.detail)::text)
        FROM (SELECT * FROM raised UNION ALL SELECT * FROM closed) t
    ), old AS (
        DELETE FROM heartbeat_alerts
        WHERE id IN (SELECT a.id FROM heartbeat_alerts a
                     WHERE a.closed_at IS NOT NULL AND a.id <= (SELECT max(m.id) FROM heartbeat_alerts m) - 10000
                     ORDER BY a.closed_at LIMIT 100)
    )
    SELECT count(*) FILTER (WHERE t.closed_at IS NULL), count(t.closed_at),
           (SELECT count(*) FROM heartbeat_alerts a WHERE a.closed_at IS NULL) + count(*) FILTER (WHERE t.closed_at IS NULL)
               - count(t.closed_at),
           EXISTS (SELECT FROM rules WHERE kind = 'anomalies'),
           EXISTS (SELECT FROM rules WHERE kind <> 'anomalies'),
           (SELECT up_to FROM bounds)
    FROM told t;
END;
COMMENT ON FUNCTION heartbeat_evaluate_alerts(text, boolean) IS
    'Internal: raises and closes alerts by the enabled rules, and announces each by NOTIFY heartbeat_alert. The worker calls '
    'it a second after readings have arrived, and each five seconds, with silence, while a rule or an open alert goes by the '
    'clock.';

--
-- For Prometheus: names as its conventions have them, base units, _total for what only grows. It reads shared memory and
-- one row for each partition, and no readings.
--

CREATE VIEW heartbeat_metrics AS
    WITH now AS MATERIALIZED (
        SELECT s.state, s.since, s.workers, s.last_error_at FROM heartbeat_state() s
    ), partitions AS MATERIALIZED (
        SELECT jsonb_build_object('topic', o.topic, 'partition', o.partition::text) AS labels, o.*,
               s.high_watermark, p.lag_messages, p.lag_seconds
        FROM heartbeat_offsets o
        JOIN heartbeat_partitions p ON p.topic = o.topic AND p.partition = o.partition
        LEFT JOIN heartbeat_partition_states() s ON s.partition = o.partition
    ), families (position, family, type, help) AS (VALUES
        (1, 'heartbeat_info', 'gauge', 'Version of the extension and what it reads; always 1.'),
        (2, 'heartbeat_state', 'gauge', 'Whether this is the state that heartbeat_status shows, 1 or 0.'),
        (3, 'heartbeat_state_since_timestamp_seconds', 'gauge', 'Since when it is.'),
        (4, 'heartbeat_workers', 'gauge', 'Ingest workers that run.'),
        (5, 'heartbeat_workers_wanted', 'gauge', 'Ingest workers that are to run: heartbeat.workers.'),
        (6, 'heartbeat_last_error_timestamp_seconds', 'gauge', 'When a worker met an error last, since the start.'),
        (7, 'heartbeat_messages_total', 'counter', 'Messages by what became of them; a replay counts again.'),
        (8, 'heartbeat_anomalies_total', 'counter', 'Messages stored as anomalies, by type.'),
        (9, 'heartbeat_offsets_total', 'counter', 'Offsets passed, also those without a message; a replay counts again.'),
        (10, 'heartbeat_dead_letters', 'gauge', 'Messages that are dead letters and not resolved.'),
        (11, 'heartbeat_next_offset', 'gauge', 'The offset that will be read next.'),
        (12, 'heartbeat_high_watermark', 'gauge', 'The offset after the last message, as its worker last saw it.'),
        (13, 'heartbeat_lag_messages', 'gauge', 'Offsets between the next one and the end of the partition.'),
        (14, 'heartbeat_lag_seconds', 'gauge', 'Age of the last message read, where there is lag; 0 without.'),
        (15, 'heartbeat_last_message_timestamp_seconds', 'gauge', 'Kafka timestamp of the last message read.'),
        (16, 'heartbeat_batch_seconds', 'histogram', 'Time that it took to store a batch, since the server started.')
    ), samples (family, suffix, labels, value) AS (
        SELECT 'heartbeat_info', '', jsonb_build_object('version', e.extversion, 'topic', current_setting('heartbeat.topic'),
                                                        'group_id', current_setting('heartbeat.group_id')), 1
        FROM pg_extension e, now WHERE e.extname = 'heartbeat'
        UNION ALL
        SELECT 'heartbeat_state', '', jsonb_build_object('state', s.state), CASE WHEN s.state = now.state THEN 1 ELSE 0 END
        FROM now, unnest(ARRAY['RUNNING', 'PAUSED', 'CONNECTING', 'RETRYING', 'STALLED', 'FAILED', 'STOPPED']) s (state)
        UNION ALL
        SELECT v.family, '', '{}', v.value
        FROM now, LATERAL (VALUES
            ('heartbeat_state_since_timestamp_seconds', extract(epoch FROM now.since)::double precision),
            ('heartbeat_workers', now.workers),
            ('heartbeat_workers_wanted', current_setting('heartbeat.workers')::double precision),
            ('heartbeat_last_error_timestamp_seconds', extract(epoch FROM now.last_error_at))) v (family, value)
        UNION ALL
        SELECT v.family, '', p.labels || v.labels, v.value
        FROM partitions p, LATERAL (VALUES
            ('heartbeat_messages_total', '{"result": "record"}'::jsonb, p.records::double precision),
            ('heartbeat_messages_total', '{"result": "anomaly"}', p.anomalies),
            ('heartbeat_messages_total', '{"result": "duplicate"}', p.duplicates),
            ('heartbeat_anomalies_total', '{"type": "BRADYCARDIA"}', p.bradycardia),
            ('heartbeat_anomalies_total', '{"type": "TACHYCARDIA"}', p.tachycardia),
            ('heartbeat_anomalies_total', '{"type": "INVALID"}', p.invalid),
            ('heartbeat_offsets_total', '{}', p.next_offset - p.first_offset + p.rewound),
            ('heartbeat_dead_letters', '{}', p.dead_letters),
            ('heartbeat_next_offset', '{}', p.next_offset),
            ('heartbeat_high_watermark', '{}', p.high_watermark),
            ('heartbeat_lag_messages', '{}', p.lag_messages),
            ('heartbeat_lag_seconds', '{}', p.lag_seconds),
            ('heartbeat_last_message_timestamp_seconds', '{}', extract(epoch FROM p.last_message_at))
            ) v (family, labels, value)
        UNION ALL
        SELECT 'heartbeat_batch_seconds', v.suffix, v.labels, v.value
        FROM heartbeat_batch_times() t, LATERAL (VALUES
            ('_bucket', jsonb_build_object('le', CASE t.upper_bound WHEN 'Infinity' THEN '+Inf' ELSE t.upper_bound::text END),
             t.batches::double precision),
            ('_count', '{}', CASE t.upper_bound WHEN 'Infinity' THEN t.batches END),
            ('_sum', '{}', CASE t.upper_bound WHEN 'Infinity' THEN t.total_seconds END)) v (suffix, labels, value)
    )
    SELECT s.family || s.suffix AS name, s.labels, s.value::double precision AS value, f.type, f.help, f.family
    FROM families f JOIN samples s USING (family)
    WHERE s.value IS NOT NULL
    ORDER BY f.position, s.suffix, nullif(s.labels->>'le', '+Inf')::double precision, s.labels;
COMMENT ON VIEW heartbeat_metrics IS
    'Every metric of heartbeat''s, a row a sample, for Prometheus by one of its exporters; examples/prometheus has '
    'configurations. What is not known has no row.';
COMMENT ON COLUMN heartbeat_metrics.name IS 'Name of the sample.';
COMMENT ON COLUMN heartbeat_metrics.labels IS 'Its labels, all of them texts.';
COMMENT ON COLUMN heartbeat_metrics.value IS 'Its value, in seconds, messages, offsets or workers.';
COMMENT ON COLUMN heartbeat_metrics.type IS 'gauge, counter or histogram.';
COMMENT ON COLUMN heartbeat_metrics.help IS 'What it says.';
COMMENT ON COLUMN heartbeat_metrics.family IS 'Name of the metric: the sample''s, without a histogram''s _bucket, _count or _sum.';

--
-- Proving that every message was accounted for
--

CREATE FUNCTION heartbeat_audit(OUT topic text, OUT partition integer, OUT offsets_passed bigint, OUT records bigint,
                                OUT anomalies bigint, OUT duplicates bigint, OUT dead_letters bigint,
                                OUT empty_offsets bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.topic, o.partition, p.passed, o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           p.passed - (o.records + o.anomalies + o.duplicates + o.dead_letters + o.empty_offsets)
    FROM heartbeat_offsets o, LATERAL (SELECT o.next_offset - o.first_offset + o.rewound AS passed) p
    ORDER BY o.topic, o.partition;
END;
COMMENT ON FUNCTION heartbeat_audit() IS
    'Proves exactly-once for each partition: offsets passed = records + anomalies + duplicates + dead letters + empty '
    'offsets. A difference other than 0 is a reading lost or stored twice. It reads counters, not readings, so it is quick '
    'at any size; heartbeat_audit_tables() holds the counters against the tables.';

CREATE FUNCTION heartbeat_audit_tables(OUT table_name text, OUT counted bigint, OUT stored bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.table_name, t.counted, t.stored, t.stored - t.counted
    FROM (SELECT coalesce(sum(o.records), 0)::bigint AS records, coalesce(sum(o.anomalies), 0)::bigint AS anomalies,
                 coalesce(sum(o.dead_letters - o.dead_letters_deleted), 0)::bigint AS dead_letters
          FROM heartbeat_offsets o) c,
         LATERAL (VALUES
            ('heartbeat_records', c.records, (SELECT count(*) FROM heartbeat_records)),
            ('heartbeat_anomalies', c.anomalies, (SELECT count(*) FROM heartbeat_anomalies)),
            ('heartbeat_dead_letters', c.dead_letters,
             (SELECT count(*) FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL))
         ) AS t (table_name, counted, stored);
END;
COMMENT ON FUNCTION heartbeat_audit_tables() IS
    'Counts the rows of heartbeat_records, heartbeat_anomalies and (unresolved) heartbeat_dead_letters and holds them '
    'against what heartbeat_offsets says was stored. A difference above 0 is rows that no message made, one below 0 rows '
    'that were deleted: by heartbeat.retention, where that is set, or behind heartbeat''s back. Dead letters that are '
    'deleted are counted, and make none. It reads all rows.';

--
-- More than one machine: Citus spreads the readings and their rollup over its nodes by customer. Progress, dead letters and
-- all else stay where the workers are, on the coordinator.
--

-- The view in a text that Citus sends to the nodes as a whole, with the caller's conditions on customer and time. Which
-- minutes stand in the small tables is asked first, so that no sum is read twice that is moved meanwhile. On one server
-- the other text is far cheaper.
CREATE FUNCTION heartbeat_use_summary(distributed boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
BEGIN
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
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM (SELECT minute_bucket FROM %1$I.heartbeat_stale_minutes
                                   UNION SELECT minute_bucket FROM %1$I.heartbeat_rollup_pending) t
                      WHERE t.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (WITH minutes AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM minutes))
            AND minute_bucket >= (SELECT min(minute_bucket) FROM minutes) -- which partitions to look into
            AND minute_bucket <= (SELECT max(minute_bucket) FROM minutes)) a
    WHERE NOT EXISTS (SELECT FROM %1$I.heartbeat_stale_minutes s WHERE s.minute_bucket = a.minute_bucket)
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes) s,
         %1$I.heartbeat_summarize_minute(s.minute_bucket) m $view$ END, schema);
END
$$;
COMMENT ON FUNCTION heartbeat_use_summary(boolean) IS
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

CREATE FUNCTION heartbeat_distribute(shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    shards integer := shard_count;
    first_table text := format('%I.heartbeat_records', schema);
    name text;
    one record;
BEGIN
    IF shard_count NOT BETWEEN 1 AND 64000 THEN
        RAISE EXCEPTION 'heartbeat_distribute needs 1 to 64000 shards, not %', shard_count
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Four a node, the default, are a good number.';
    END IF;
    EXECUTE format('SELECT %I.heartbeat_check_cluster()', schema);
    -- as heartbeat_pause does: the batch under way ends first, and the next one finds other tables
    EXECUTE format('LOCK TABLE %I.heartbeat_control IN SHARE ROW EXCLUSIVE MODE', schema);
    EXECUTE format('SELECT %I.heartbeat_require(NOT %1$I.heartbeat_is_distributed(), $1, $2, $3)', schema)
        USING 'the tables are distributed already', 'object_not_in_prerequisite_state',
              'citus_rebalance_start() uses nodes that were added since; alter_distributed_table() changes the number of shards.';
    IF shards IS NULL THEN
        EXECUTE 'SELECT greatest(4 * count(*), 4) FROM pg_dist_node WHERE shouldhaveshards AND noderole = ''primary''' INTO shards;
    END IF;
    -- before, since Citus looks at what a table's views need, and would make this extension on the nodes
    EXECUTE format('SELECT %I.heartbeat_use_summary(true)', schema);
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending SET (autovacuum_vacuum_threshold = 10000,'
                   ' autovacuum_vacuum_scale_factor = 0)', schema); -- here the maintenance worker does it
    -- without a key it could not be moved to another node while it is written to
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending REPLICA IDENTITY FULL', schema);
    FOR one IN SELECT x.indexrelid::regclass AS brin FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                     JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                     WHERE h.inhparent = first_table::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s SET (autosummarize = on)', one.brin);
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
    EXECUTE format('SELECT %I.heartbeat_record_event($1, NULL, $2)', schema)
        USING 'distribute', jsonb_build_object('shards', shards);
    EXECUTE format('SELECT %I.heartbeat_wake_workers()', schema);
END
$$;
COMMENT ON FUNCTION heartbeat_distribute(integer) IS
    'Spreads heartbeat_records, heartbeat_anomalies and the rollup over the nodes of the Citus cluster whose coordinator this '
    'server is, by customer_id, in so many shards (NULL: four a node), and takes them out of the extension. Ingest waits '
    'until their rows are copied, and goes on by itself. One transaction.';

-- By the functions that Citus calls for DROP TABLE, so that the tables stay the ones that views and functions name.
CREATE FUNCTION heartbeat_undistribute() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    one record;
    name text;
    item text;
BEGIN
    EXECUTE format('SELECT %I.heartbeat_require(%1$I.heartbeat_is_distributed(), $1, $2, $3)', schema)
        USING 'the tables are not distributed', 'object_not_in_prerequisite_state', 'There is nothing to undo.';
    EXECUTE format('LOCK TABLE %I.heartbeat_control IN SHARE ROW EXCLUSIVE MODE', schema);
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
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)', schema);
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending REPLICA IDENTITY DEFAULT', schema);
    FOR name IN SELECT x.indexrelid::regclass::text FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE h.inhparent = format('%I.heartbeat_records', schema)::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s RESET (autosummarize)', name);
    END LOOP;
    EXECUTE format('SELECT %I.heartbeat_use_summary(false)', schema);
    EXECUTE format('SELECT %I.heartbeat_record_event($1, NULL)', schema) USING 'undistribute';
    EXECUTE format('SELECT %I.heartbeat_wake_workers()', schema);
END
$$;
COMMENT ON FUNCTION heartbeat_undistribute() IS
    'Brings the tables that heartbeat_distribute() has spread back to this server, and into the extension. Their rows are '
    'copied twice here, in one transaction, and ingest waits for it.';

--
-- Rights: looking at heartbeat_classify is free, everything else is granted by the owner
--

REVOKE ALL ON heartbeat_records, heartbeat_records_default, heartbeat_anomalies, heartbeat_anomalies_default,
    heartbeat_rollup, heartbeat_rollup_default, heartbeat_rollup_pending, heartbeat_stale_minutes, heartbeat_customers,
    heartbeat_customers_total, heartbeat_offsets, heartbeat_gaps, heartbeat_events, heartbeat_dead_letters,
    heartbeat_dead_letter_summary, heartbeat_alert_rules, heartbeat_alerts, heartbeat_control,
    heartbeat_partitions, heartbeat_status,
    vw_customer_bpm_summary, vw_recent_anomalies, vw_pipeline_summary, heartbeat_metrics FROM PUBLIC;
REVOKE ALL ON SEQUENCE heartbeat_records_id_seq, heartbeat_anomalies_id_seq, heartbeat_dead_letters_id_seq,
    heartbeat_events_id_seq, heartbeat_alerts_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION heartbeat_add_partition_keys(text, text), heartbeat_make_partitions(timestamptz, timestamptz),
    heartbeat_summarize_partitions(), heartbeat_summarize_minute(timestamptz), heartbeat_wake_workers(),
    heartbeat_pause(text), heartbeat_resume(),
    heartbeat_move_offset(text, integer, bigint, text),
    heartbeat_require(boolean, text, text, text), heartbeat_require_pause(), heartbeat_seek(integer, bigint),
    heartbeat_check_offset(integer, bigint), heartbeat_kafka_offsets(timestamptz, integer),
    heartbeat_seek(timestamptz, integer), heartbeat_replay(timestamptz, timestamptz, integer),
    heartbeat_keep_original(), heartbeat_count_deleted(),
    heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]),
    heartbeat_apply_retention(), heartbeat_state(), heartbeat_partition_states(), heartbeat_batch_times(),
    heartbeat_audit(),
    heartbeat_audit_tables(), heartbeat_rules_changed(), heartbeat_evaluate_alerts(text, boolean), heartbeat_actor(),
    heartbeat_record_event(text, text, jsonb, timestamptz), heartbeat_newest_anomalies(timestamptz, timestamptz, text, text),
    heartbeat_heard(text[], timestamptz), heartbeat_is_distributed(), heartbeat_use_summary(boolean), heartbeat_check_cluster(),
    heartbeat_distribute(integer), heartbeat_undistribute() FROM PUBLIC;

--
-- pg_dump writes the contents of these; partitions that the worker made are no members and are dumped as they are
--

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['heartbeat_records_default', 'heartbeat_anomalies_default', 'heartbeat_rollup_default',
        'heartbeat_rollup_pending', 'heartbeat_stale_minutes', 'heartbeat_customers', 'heartbeat_customers_total',
        'heartbeat_offsets', 'heartbeat_gaps', 'heartbeat_events', 'heartbeat_events_id_seq', 'heartbeat_dead_letters',
        'heartbeat_control', 'heartbeat_alert_rules', 'heartbeat_alerts', 'heartbeat_alerts_id_seq',
        'heartbeat_records_id_seq', 'heartbeat_anomalies_id_seq',
        'heartbeat_dead_letters_id_seq']
    LOOP
        PERFORM pg_extension_config_dump(name::regclass,
                                         CASE name WHEN 'heartbeat_control' THEN 'WHERE hold = ''pause''' ELSE '' END);
    END LOOP;
END
$$;

-- In a database that a dump is filling, a worker would read what the dump is about to bring, and make partitions that it
-- has too. Nothing in a dump can say that it has ended, so a person does. Every dump begins by turning row_security off
-- in its session, unless it was told not to; nobody else has a reason to when making an extension. What the server, the
-- database or the role has row_security set to says nothing.
INSERT INTO heartbeat_control (hold, paused, reason)
    SELECT 'restore', true, 'restored from a dump; heartbeat_resume() says that the restore has ended'
    WHERE EXISTS (SELECT FROM pg_settings WHERE name = 'row_security' AND setting = 'off' AND source = 'session')
       OR current_setting('application_name') = 'pg_restore';

--
-- The end
--

-- workers that wait for the extension are told once it commits
SELECT heartbeat_wake_workers();

-- What somebody else has put into this schema may have matched better than the server's own above (an operator for
-- double precision and integer, say). Whoever used a view or stored a row would run it. This is the last statement,
-- since the search path is from here on without the schema.
DO $$
DECLARE
    member text;
    stranger text;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;
    WITH members AS (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat'
    ), parts AS (
        SELECT classid, objid FROM members
        UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN members m ON m.objid = r.ev_class
        UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN members m ON m.objid = a.adrelid
        UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN members m ON m.objid = c.conrelid
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN members m ON m.objid = i.indrelid
    )
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    INTO member, stranger
    FROM parts p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_collation'::regclass)
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = d.refclassid AND m.objid = d.refobjid)
    ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'extension "heartbeat" would use %, which is not the server''s', stranger
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It would be used by %s.', member),
                  HINT = 'Drop it, or create the extension in a schema where nobody else can create objects.';
    END IF;
END
$$;
