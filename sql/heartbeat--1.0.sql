-- heartbeat 1.0: everything that CREATE EXTENSION heartbeat makes, in the order in which a reading meets it.
-- Its schema may be renamed at any time, so no function holds the name: the bodies in SQL are parsed here, once and for
-- all, and those in PL/pgSQL, which write DDL, look the name up.
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit

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
-- The rollup behind vw_customer_bpm_summary. Ingest only notes which minutes it touched; a worker apart from ingest
-- turns them into rows here. A note and the readings it stands for commit together, and the notes that a rollup
-- removes are exactly those whose readings its snapshot saw, so the view is exact in every snapshot.
--

CREATE TABLE heartbeat_rollup (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    avg_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
) PARTITION BY RANGE (minute_bucket);
COMMENT ON TABLE heartbeat_rollup IS
    'Normal readings by customer and minute, for minutes that are not in heartbeat_stale_minutes. '
    'Query vw_customer_bpm_summary, which is always exact, instead of this table.';
COMMENT ON COLUMN heartbeat_rollup.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup.customer_id IS 'Who was measured.';
COMMENT ON COLUMN heartbeat_rollup.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN heartbeat_rollup.reading_count IS 'How many normal readings the minute has.';

CREATE TABLE heartbeat_stale_minutes (
    minute_bucket timestamptz NOT NULL,
    marked_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE heartbeat_stale_minutes IS
    'Minutes with readings that the rollup has not seen; a minute may stand here more than once.';
COMMENT ON COLUMN heartbeat_stale_minutes.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_stale_minutes.marked_at IS 'Start of the transaction that stored the readings.';

CREATE TABLE heartbeat_customers (
    customer_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE heartbeat_customers IS 'Customers that the rollup has seen, normal or not.';
COMMENT ON COLUMN heartbeat_customers.customer_id IS 'Who was measured.';

--
-- Partitions: one a week (Monday, UTC) for each of the three tables, and a default one for clocks that are far off
--

CREATE FUNCTION heartbeat_add_partition_keys(partition_of text, partition_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := (SELECT format('%I.%I', n.nspname, partition_name) FROM pg_extension e
                       JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
BEGIN
    CASE partition_of
    WHEN 'heartbeat_rollup' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (minute_bucket, customer_id)', partition);
    WHEN 'heartbeat_records' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', partition);
        EXECUTE format('CREATE INDEX ON %s USING brin (event_timestamp) WITH (pages_per_range = 16)', partition);
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
BEGIN
    IF last_event > first_event + interval '10 years' THEN
        RAISE EXCEPTION 'partitions from % to % are more than ten years', first_event, last_event
            USING ERRCODE = 'invalid_parameter_value';
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
            EXECUTE format('SELECT EXISTS (SELECT FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L)',
                           default_table, time_column, week, week + interval '7 days') INTO moving;
            IF moving THEN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', parent_table);
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_table);
            columns := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                        WHERE attrelid = parent_table::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
            EXECUTE format('WITH moved AS (DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L RETURNING %5$s)'
                           ' INSERT INTO %6$s (%5$s) SELECT * FROM moved',
                           default_table, time_column, week, week + interval '7 days', columns, new_table);
            EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                           parent_table, new_table, week, week + interval '7 days');
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
    FROM (SELECT DISTINCT date_trunc('week', minute_bucket, 'UTC') AS week FROM heartbeat_stale_minutes) w
    JOIN pg_class p ON p.relname = 'heartbeat_records' || to_char(w.week AT TIME ZONE 'UTC', '_IYYY"w"IW')
    JOIN pg_inherits h ON h.inhrelid = p.oid AND h.inhparent = 'heartbeat_records'::regclass::oid
    JOIN pg_index x ON x.indrelid = p.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_am a ON a.oid = i.relam AND a.amname = 'brin';
END;
COMMENT ON FUNCTION heartbeat_summarize_partitions() IS
    'Internal: summarizes the new blocks of the weeks that have stale minutes, for queries on event_timestamp.';

--
-- Progress and what could not be stored
--

CREATE TABLE heartbeat_offsets (
    topic               text COLLATE "C" NOT NULL,
    partition           integer NOT NULL CHECK (partition >= 0),
    next_offset         bigint NOT NULL CHECK (next_offset >= 0),
    first_offset        bigint NOT NULL,
    rewound             bigint NOT NULL DEFAULT 0,
    records             bigint NOT NULL DEFAULT 0,
    anomalies           bigint NOT NULL GENERATED ALWAYS AS (bradycardia + tachycardia + invalid) STORED,
    bradycardia         bigint NOT NULL DEFAULT 0,
    tachycardia         bigint NOT NULL DEFAULT 0,
    invalid             bigint NOT NULL DEFAULT 0,
    duplicates          bigint NOT NULL DEFAULT 0,
    dead_letters        bigint NOT NULL DEFAULT 0,
    empty_offsets       bigint NOT NULL DEFAULT 0,
    first_event         timestamptz,
    last_event          timestamptz,
    last_message_at     timestamptz,
    last_message_offset bigint,
    cluster_id          text COLLATE "C",
    topic_id            text COLLATE "C",
    lost_at             timestamptz,
    lost_reason         text,
    updated_at          timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (topic, partition)
) WITH (fillfactor = 20); -- room for in-page updates: every batch updates its rows
COMMENT ON TABLE heartbeat_offsets IS
    'The one truth about progress: the next Kafka offset of each partition, updated by the transaction that stores '
    'what came before it, and what became of every offset passed since first_offset.';
COMMENT ON COLUMN heartbeat_offsets.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_offsets.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_offsets.next_offset IS 'The offset that will be read next.';
COMMENT ON COLUMN heartbeat_offsets.first_offset IS 'The offset at which this database began to read and to count.';
COMMENT ON COLUMN heartbeat_offsets.rewound IS 'Offsets gone back over by seeks and resets, in total.';
COMMENT ON COLUMN heartbeat_offsets.records IS 'Messages stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_offsets.anomalies IS 'Messages stored in heartbeat_anomalies: the sum of the three types.';
COMMENT ON COLUMN heartbeat_offsets.bradycardia IS 'Anomalies of type BRADYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.tachycardia IS 'Anomalies of type TACHYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.invalid IS 'Anomalies of type INVALID.';
COMMENT ON COLUMN heartbeat_offsets.duplicates IS 'Messages whose reading or dead letter was stored already.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters IS 'Messages stored in heartbeat_dead_letters and not resolved since.';
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

CREATE TABLE heartbeat_dead_letters (
    id              bigserial PRIMARY KEY,
    topic           text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    key             bytea,
    payload         bytea,
    kafka_timestamp timestamptz,
    error_code      text COLLATE "C" NOT NULL,
    error_text      text NOT NULL,
    arrived_at      timestamptz NOT NULL DEFAULT now(),
    resolved_at     timestamptz
);
CREATE INDEX ON heartbeat_dead_letters (topic, partition, "offset");
CREATE INDEX ON heartbeat_dead_letters (id) WHERE resolved_at IS NULL;
COMMENT ON TABLE heartbeat_dead_letters IS
    'Every message that could not become a reading, with its exact bytes. heartbeat_retry_dead_letters() tries again.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'A number for the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS 'The message''s payload; NULL for a tombstone.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS 'What was wrong, as a code: INVALID_JSON, MISSING_FIELD, ...';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'What was wrong, for a person.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored it as a reading; NULL until then.';

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
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_resume() IS
    'Ends a pause, also that of a database restored from a dump, and lets workers that stopped as FAILED try again. Does '
    'nothing where ingest is running.';

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
    SELECT previous FROM moved;
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
    SELECT current_setting('heartbeat.topic'), partition,
           heartbeat_move_offset(current_setting('heartbeat.topic'), partition, next_offset, 'heartbeat_seek to an offset'),
           next_offset;
END;
COMMENT ON FUNCTION heartbeat_seek(integer, bigint) IS
    'Sets the offset that will be read next from a partition of heartbeat.topic: a lower one replays (readings that '
    'are stored already count as duplicates), a higher one skips and is recorded in heartbeat_gaps. Ingest must be '
    'paused. Shows the offset before and after.';

CREATE FUNCTION heartbeat_kafka_offsets(event_time timestamptz, OUT partition integer, OUT next_offset bigint)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_kafka_offsets(timestamptz) IS
    'Asks Kafka, for each partition of heartbeat.topic, for the first offset whose Kafka timestamp is at or after the '
    'given time, or the end of the partition where there is none.';

-- Sorting makes it move all of them, also for a caller who takes one row only.
CREATE FUNCTION heartbeat_seek(event_time timestamptz,
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
        FROM heartbeat_kafka_offsets(event_time) k
    )
    SELECT current_setting('heartbeat.topic'), m.partition, m.previous, m.next_offset FROM moved m ORDER BY m.partition;
END;
COMMENT ON FUNCTION heartbeat_seek(timestamptz) IS
    'Moves every partition of heartbeat.topic to its first message whose Kafka timestamp is at or after the given '
    'time. Ingest must be paused. Shows each partition''s offset before and after.';

CREATE FUNCTION heartbeat_retry_dead_letters(OUT resolved bigint, OUT remaining bigint)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_retry_dead_letters() IS
    'Decodes every unresolved dead letter again, stores those that now are readings, and marks them resolved, all in '
    'the caller''s transaction. Returns how many were resolved and how many remain.';

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
    EXECUTE format('DELETE FROM %I.heartbeat_dead_letters WHERE arrived_at < $1', schema) USING cutoff;
    GET DIAGNOSTICS dead_letters_deleted = ROW_COUNT;
    EXECUTE format('DELETE FROM %I.heartbeat_gaps WHERE recorded_at < $1', schema) USING cutoff;
END
$$;
COMMENT ON FUNCTION heartbeat_apply_retention() IS
    'Drops the weekly partitions that lie wholly before now() - heartbeat.retention, and deletes older readings in the '
    'default partitions, dead letters and gaps. Does nothing where heartbeat.retention is 0. The worker calls it hourly.';

--
-- Looking
--

CREATE FUNCTION heartbeat_state(OUT state text, OUT since timestamptz, OUT reason text, OUT hint text,
                                OUT workers integer, OUT messages_per_second double precision,
                                OUT last_error text, OUT last_error_at timestamptz,
                                OUT busy_since timestamptz)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_state() IS 'Internal: the workers'' state from shared memory, behind heartbeat_status.';

CREATE FUNCTION heartbeat_partition_states(OUT partition integer, OUT high_watermark bigint, OUT worker_pid integer)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_partition_states() IS
    'Internal: what the workers know of each partition, from shared memory, behind heartbeat_partitions.';

CREATE VIEW heartbeat_partitions AS
    SELECT o.topic, o.partition, o.next_offset, s.high_watermark,
           CASE WHEN s.high_watermark IS NOT NULL THEN greatest(s.high_watermark - o.next_offset, 0) END
               AS lag_messages,
           o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           s.worker_pid, o.last_message_at
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

-- Whether ingest is paused is what the table says, at once and for this snapshot; the rest is what the workers say.
CREATE VIEW heartbeat_status AS
    SELECT CASE WHEN paused THEN 'PAUSED' WHEN stalled THEN 'STALLED' ELSE state END AS state,
           CASE WHEN paused THEN paused_at WHEN stalled THEN busy_since ELSE since END AS since,
           CASE WHEN paused THEN pause_reason
                WHEN stalled THEN format('a batch has been waiting for %s seconds to be stored',
                                         extract(epoch FROM clock_timestamp() - busy_since)::integer)
                ELSE reason END AS reason,
           workers, messages_per_second, lag_messages, lag_seconds, last_error, last_error_at,
           CASE WHEN paused THEN 'heartbeat_resume() goes on.'
                WHEN stalled THEN 'See what the worker waits for: SELECT pid, wait_event_type, wait_event, query FROM '
                                  'pg_stat_activity WHERE backend_type LIKE ''heartbeat%''; and pg_blocking_pids(pid).'
                ELSE hint END AS hint
    FROM (
        SELECT s.state, s.since, s.reason, s.hint, s.workers, s.messages_per_second, s.last_error, s.last_error_at,
               s.busy_since, l.lag_messages, l.lag_seconds, c.paused_at, c.pause_reason,
               s.state NOT IN ('STOPPED', 'FAILED') AND c.paused_at IS NOT NULL AS paused,
               s.state = 'RUNNING' AND s.busy_since < clock_timestamp() - interval '1 minute' AS stalled
        FROM heartbeat_state() s
        CROSS JOIN (
            SELECT CASE WHEN bool_and(lag_messages IS NOT NULL) THEN sum(lag_messages)::bigint END AS lag_messages,
                   max(CASE WHEN lag_messages = 0 THEN 0 WHEN lag_messages > 0
                       THEN greatest(extract(epoch FROM clock_timestamp() - last_message_at), 0) END)::double precision
                       AS lag_seconds
            FROM heartbeat_partitions) l
        CROSS JOIN (
            SELECT max(changed_at) AS paused_at,
                   string_agg(coalesce(reason, 'paused by ' || changed_by), '; ' ORDER BY hold DESC) AS pause_reason
            FROM heartbeat_control WHERE paused) c) w;
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

CREATE VIEW vw_customer_bpm_summary AS
    SELECT r.customer_id, r.minute_bucket, r.avg_bpm, r.reading_count
    FROM heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT r.customer_id, s.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
    JOIN heartbeat_records r ON r.event_timestamp >= s.minute_bucket
                            AND r.event_timestamp < s.minute_bucket + interval '1 minute'
    GROUP BY r.customer_id, s.minute_bucket;
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
    ), fresh AS ( -- customers of the minutes that the rollup has not seen
        SELECT r.customer_id
        FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
        JOIN heartbeat_records r ON r.event_timestamp >= s.minute_bucket
                                AND r.event_timestamp < s.minute_bucket + interval '1 minute'
        UNION
        SELECT a.customer_id
        FROM (SELECT DISTINCT minute_bucket FROM heartbeat_stale_minutes) s
        JOIN heartbeat_anomalies a ON a.event_timestamp >= s.minute_bucket
                                  AND a.event_timestamp < s.minute_bucket + interval '1 minute'
    ), customers AS (
        SELECT (SELECT count(*) FROM heartbeat_customers) +
               (SELECT count(*) FROM fresh f
                WHERE NOT EXISTS (SELECT FROM heartbeat_customers c WHERE c.customer_id = f.customer_id)) AS customers
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
                 coalesce(sum(o.dead_letters), 0)::bigint AS dead_letters
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
    'that were deleted: by heartbeat.retention, where that is set, or behind heartbeat''s back. It reads all rows.';

--
-- Rights: looking at heartbeat_classify is free, everything else is granted by the owner
--

REVOKE ALL ON heartbeat_records, heartbeat_records_default, heartbeat_anomalies, heartbeat_anomalies_default,
    heartbeat_rollup, heartbeat_rollup_default, heartbeat_stale_minutes, heartbeat_customers, heartbeat_offsets,
    heartbeat_gaps, heartbeat_dead_letters, heartbeat_control, heartbeat_partitions, heartbeat_status,
    vw_customer_bpm_summary, vw_recent_anomalies, vw_pipeline_summary FROM PUBLIC;
REVOKE ALL ON SEQUENCE heartbeat_records_id_seq, heartbeat_anomalies_id_seq, heartbeat_dead_letters_id_seq FROM PUBLIC;
REVOKE ALL ON FUNCTION heartbeat_add_partition_keys(text, text), heartbeat_make_partitions(timestamptz, timestamptz),
    heartbeat_summarize_partitions(), heartbeat_wake_workers(), heartbeat_pause(text), heartbeat_resume(),
    heartbeat_move_offset(text, integer, bigint, text),
    heartbeat_require(boolean, text, text, text), heartbeat_require_pause(), heartbeat_seek(integer, bigint),
    heartbeat_kafka_offsets(timestamptz), heartbeat_seek(timestamptz), heartbeat_retry_dead_letters(),
    heartbeat_apply_retention(), heartbeat_state(), heartbeat_partition_states(), heartbeat_audit(),
    heartbeat_audit_tables() FROM PUBLIC;

--
-- pg_dump writes the contents of these; partitions that the worker made are no members and are dumped as they are
--

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['heartbeat_records_default', 'heartbeat_anomalies_default', 'heartbeat_rollup_default',
        'heartbeat_stale_minutes', 'heartbeat_customers', 'heartbeat_offsets', 'heartbeat_gaps',
        'heartbeat_dead_letters', 'heartbeat_control', 'heartbeat_records_id_seq', 'heartbeat_anomalies_id_seq',
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
