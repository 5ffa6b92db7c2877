--
-- The state of the workers
--

CREATE FUNCTION heartbeat_state(OUT state text, OUT since timestamptz, OUT reason text, OUT hint text,
                                OUT workers integer, OUT messages_per_second double precision,
                                OUT last_error text, OUT last_error_at timestamptz,
                                OUT busy_since timestamptz, OUT lag_messages bigint,
                                OUT lag_seconds double precision)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_state() IS
    'Internal: returns the row of heartbeat_status. The state of the workers comes from shared memory. The pause and the '
    'offsets come from heartbeat_control and heartbeat_offsets. The function waits for no lock on these tables. If one of these '
    'tables is locked, the function returns the lag that the workers know.';

CREATE FUNCTION heartbeat_ingest_state() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_ingest_state() IS
    'Internal: returns the state of ingest alone, without the duties of the maintenance worker. A silence rule '
    'uses this state for a customer whose source is not known.';

CREATE FUNCTION heartbeat_maintenance_duties(OUT duty text, OUT done_at timestamptz, OUT failing_since timestamptz,
                                             OUT failures bigint, OUT failures_total bigint, OUT reason text, OUT hint text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_maintenance_duties() IS
    'Internal: returns the duties of the maintenance worker and their results, from shared memory. The view heartbeat_maintenance '
    'shows these rows.';

CREATE FUNCTION heartbeat_partition_states(OUT partition integer, OUT high_watermark bigint, OUT worker_pid integer,
                                           OUT end_is_known boolean, OUT state text, OUT reason text, OUT source_id integer)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_partition_states() IS
    'Internal: returns one row for each Kafka partition of each source, with the values that the workers have written to '
    'shared memory. The view heartbeat_partitions shows these rows.';

CREATE FUNCTION heartbeat_source_states(OUT source_id integer, OUT state text, OUT since timestamptz, OUT reason text, OUT hint text,
                                        OUT workers integer, OUT messages_per_second double precision, OUT last_error text,
                                        OUT last_error_at timestamptz, OUT lag_messages bigint, OUT lag_seconds double precision,
                                        OUT not_running_since timestamptz, OUT running_since timestamptz)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_source_states() IS
    'Internal: returns the state of each source that a worker reads, from shared memory. The view heartbeat_source_status shows '
    'these states. not_running_since is the time since when the source has been neither RUNNING nor PAUSED. running_since is the '
    'time at which the last worker of the source became RUNNING. Alert rules use these two times. If not all ingest workers read '
    'the source, the lag is NULL.';

CREATE FUNCTION heartbeat_pause_of(source text, OUT known boolean, OUT since timestamptz, OUT reason text)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_pause_of(text) IS
    'Internal: returns since when and why the source is paused. For an empty name, returns the pause of all sources. If nothing is '
    'paused, since is NULL. The function waits for no lock: if heartbeat_control is locked, known is false. Alert rules of kind state '
    'use the result.';

CREATE FUNCTION heartbeat_common_trouble(OUT state text, OUT since timestamptz, OUT reason text, OUT duty text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_common_trouble() IS
    'Internal: returns a row if there is a trouble that belongs to no source: an ingest worker does not run, has not been RUNNING for '
    'ten seconds or has ended within the last minute, or a duty of the maintenance worker fails. Alert rules of kind state use the row.';

CREATE FUNCTION heartbeat_maintenance_started() RETURNS timestamptz
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_maintenance_started() IS
    'Internal: returns when the maintenance worker last started, from shared memory; NULL if it has not started. Alert rules of kind '
    'state use this time.';

CREATE FUNCTION heartbeat_batch_times(OUT upper_bound double precision, OUT batches bigint,
                                      OUT total_seconds double precision)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_batch_times() IS
    'Returns a row for each upper_bound: the number of batches that took at most upper_bound seconds to store, and the total '
    'seconds of all batches. The function counts the batches since the server started, in shared memory. heartbeat_metrics shows '
    'the rows.';

CREATE VIEW heartbeat_partitions WITH (security_barrier) AS
    SELECT o.topic, o.partition, o.next_offset, s.high_watermark,
           CASE WHEN s.end_is_known THEN greatest(s.high_watermark - o.next_offset, 0) END
               AS lag_messages,
           o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           s.worker_pid, o.last_message_at,
           CASE WHEN NOT s.end_is_known THEN NULL
                WHEN s.high_watermark > o.next_offset
                THEN greatest(extract(epoch FROM clock_timestamp() - o.last_message_at), 0)::double precision
                WHEN s.high_watermark IS NOT NULL THEN 0 END AS lag_seconds,
           s.state, s.reason, o.source
    FROM heartbeat_offsets o
    JOIN heartbeat_source_definitions d
        ON d.name = o.source AND d.dropped_at IS NULL AND coalesce(d.topic, current_setting('heartbeat.topic', true)) = o.topic
    LEFT JOIN heartbeat_partition_states() s ON s.source_id = d.source_id AND s.partition = o.partition;
COMMENT ON VIEW heartbeat_partitions IS
    'One row for each Kafka partition of each source: the next offset, the end offset that the worker saw last, and the lag in '
    'messages. The row also has the numbers of records, anomalies, duplicates and dead letters, the worker that reads the '
    'partition, and the partition''s state with the reason.';
COMMENT ON COLUMN heartbeat_partitions.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_partitions.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_partitions.next_offset IS 'The offset that the worker reads next.';
COMMENT ON COLUMN heartbeat_partitions.high_watermark IS
    'The offset after the partition''s last message, as Kafka last told the worker; NULL while no worker reads the partition.';
COMMENT ON COLUMN heartbeat_partitions.lag_messages IS
    'Number of offsets from next_offset to high_watermark; NULL if no worker reads the partition, or if its leader has not '
    'reported the end offset for 15 seconds.';
COMMENT ON COLUMN heartbeat_partitions.records IS 'Readings stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_partitions.anomalies IS 'Readings stored in heartbeat_anomalies.';
COMMENT ON COLUMN heartbeat_partitions.duplicates IS 'Readings that were already stored with the same heart rate.';
COMMENT ON COLUMN heartbeat_partitions.dead_letters IS 'Messages stored in heartbeat_dead_letters that no retry has resolved.';
COMMENT ON COLUMN heartbeat_partitions.empty_offsets IS 'Offsets without a message.';
COMMENT ON COLUMN heartbeat_partitions.worker_pid IS
    'Process id of the worker that reads the partition; NULL if no worker reads it.';
COMMENT ON COLUMN heartbeat_partitions.last_message_at IS 'Kafka timestamp of the last message read.';
COMMENT ON COLUMN heartbeat_partitions.lag_seconds IS
    'Age of the last message read, in seconds, if there is lag; 0 without lag, NULL if lag_messages is NULL.';
COMMENT ON COLUMN heartbeat_partitions.state IS
    'READING: the worker reads the partition. AWAY: the worker cannot read the partition and tries again each second; meanwhile '
    'the worker reads its other partitions. ASKED: the worker has asked the partition''s leader for the first and the end offset. '
    'PAUSED: ingest is paused. NULL: no worker has the partition.';
COMMENT ON COLUMN heartbeat_partitions.reason IS
    'Why the partition is AWAY: it has no leader, or its leader has a problem. The text has the id and the address of the '
    'broker.';
COMMENT ON COLUMN heartbeat_partitions.source IS 'Name of the source, as in heartbeat_sources.';

CREATE VIEW heartbeat_status WITH (security_barrier) AS
    SELECT state, since, reason, workers, messages_per_second, lag_messages, lag_seconds, last_error, last_error_at, hint
    FROM heartbeat_state();
COMMENT ON VIEW heartbeat_status IS
    'One row: the state of the workers, when the state began, the reason of the state, and the number of running workers. The '
    'row also has the messages per second over the last minute, the lag, the last error, and what to do next.';
COMMENT ON COLUMN heartbeat_status.state IS 'RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED or STOPPED.';
COMMENT ON COLUMN heartbeat_status.since IS 'When the state began; NULL if the time is not known.';
COMMENT ON COLUMN heartbeat_status.reason IS 'Why the workers have this state.';
COMMENT ON COLUMN heartbeat_status.workers IS 'Number of ingest workers that run.';
COMMENT ON COLUMN heartbeat_status.messages_per_second IS 'Stored messages per second, over the last minute.';
COMMENT ON COLUMN heartbeat_status.lag_messages IS
    'Sum of the lags of all Kafka partitions; NULL if the lag of one partition is not known.';
COMMENT ON COLUMN heartbeat_status.lag_seconds IS
    'Age in seconds of the last message read from the Kafka partition that lags most; 0 without lag.';
COMMENT ON COLUMN heartbeat_status.last_error IS 'The last error of any worker.';
COMMENT ON COLUMN heartbeat_status.last_error_at IS 'When last_error occurred.';
COMMENT ON COLUMN heartbeat_status.hint IS 'What to do next.';

-- If workers run, but no worker reads the source yet, the source has the state CONNECTING.
CREATE VIEW heartbeat_source_status WITH (security_barrier) AS
    SELECT d.name AS source, coalesce(d.topic, current_setting('heartbeat.topic', true)) AS topic, n.state, n.since, n.reason,
           CASE WHEN n.state = 'PAUSED' AND p.of_all THEN 'heartbeat_resume() resumes ingest.'
                WHEN n.state = 'PAUSED' AND p.since IS NOT NULL THEN format('heartbeat_resume(%L) resumes the source.', d.name)
                ELSE coalesce(s.hint, n.hint) END AS hint,
           coalesce(s.messages_per_second, 0) AS messages_per_second, s.lag_messages, s.lag_seconds, coalesce(s.workers, 0) AS workers,
           s.last_error, s.last_error_at
    FROM heartbeat_source_definitions d
    CROSS JOIN (SELECT w.state, w.since, w.reason, w.hint, w.workers FROM heartbeat_state() w OFFSET 0) w
    LEFT JOIN heartbeat_source_states() s ON s.source_id = d.source_id
    LEFT JOIN LATERAL (SELECT max(c.changed_at) AS since, bool_or(c.source = '') AS of_all,
                              string_agg(coalesce(c.reason, 'paused by ' || c.changed_by), '; ' ORDER BY c.hold DESC, c.source) AS reason
                       FROM heartbeat_control c WHERE c.paused AND c.source IN ('', d.name)) p ON true
    CROSS JOIN LATERAL (
        SELECT * FROM (VALUES
            (s.state IN ('STOPPED', 'FAILED'), s.state, s.since, s.reason, s.hint),
            (s.state IS NULL AND (w.workers = 0 OR w.state = 'STOPPED'), w.state, w.since, w.reason, w.hint),
            (p.since IS NOT NULL, 'PAUSED', p.since, p.reason, NULL),
            (s.state IS NOT NULL, s.state, s.since, s.reason, s.hint),
            (true, 'CONNECTING', coalesce(d.changed_at, d.added_at), 'no worker reads the source yet', NULL)
        ) v (applies, state, since, reason, hint) WHERE v.applies LIMIT 1) n
    WHERE d.dropped_at IS NULL;
COMMENT ON VIEW heartbeat_source_status IS
    'One row for each source: its state (RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED, STOPPED), when the state began, its '
    'reason, a hint what to do next, the messages per second over the last minute, the lag, and the last error. heartbeat_status '
    'shows the most severe state of all sources.';
COMMENT ON COLUMN heartbeat_source_status.source IS 'Name of the source, as in heartbeat_sources.';
COMMENT ON COLUMN heartbeat_source_status.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_source_status.state IS 'RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED or STOPPED.';
COMMENT ON COLUMN heartbeat_source_status.since IS 'When the state began; NULL if the time is not known.';
COMMENT ON COLUMN heartbeat_source_status.reason IS 'Why the source has this state.';
COMMENT ON COLUMN heartbeat_source_status.hint IS 'What to do next.';
COMMENT ON COLUMN heartbeat_source_status.messages_per_second IS 'Stored messages of the source per second, over the last minute.';
COMMENT ON COLUMN heartbeat_source_status.lag_messages IS
    'Sum of the lags of the source''s Kafka partitions; NULL if the lag of one partition is not known, or if not all ingest workers '
    'read the source.';
COMMENT ON COLUMN heartbeat_source_status.lag_seconds IS
    'Age in seconds of the last message read from the Kafka partition that lags most; 0 without lag.';
COMMENT ON COLUMN heartbeat_source_status.workers IS 'Number of ingest workers that read the source.';
COMMENT ON COLUMN heartbeat_source_status.last_error IS 'The last error of the source, since a worker began to read it.';
COMMENT ON COLUMN heartbeat_source_status.last_error_at IS 'When last_error occurred.';

CREATE VIEW heartbeat_maintenance WITH (security_barrier) AS
    SELECT duty, done_at, failing_since, failures, failures_total, reason, hint FROM heartbeat_maintenance_duties();
COMMENT ON VIEW heartbeat_maintenance IS
    'One row for each duty of the maintenance worker: when the duty last succeeded, when it began to fail, how often it has failed '
    'since then, and why. If a duty has failed three times in a row while ingest runs, the state in heartbeat_status is RETRYING.';
COMMENT ON COLUMN heartbeat_maintenance.duty IS
    'Name of the duty: partitions creates table partitions, retention applies heartbeat.retention, indexes summarizes new '
    'blocks in the indexes, fold adds pending sums to the rollup, rollup rebuilds changed minutes of the rollup, alerts '
    'evaluates the alert rules, events records the state in heartbeat_events, summary writes the summary line to the log, packing packs old weeks '
    '(heartbeat.pack_after).';
COMMENT ON COLUMN heartbeat_maintenance.done_at IS
    'When the duty last succeeded; NULL if it has not succeeded since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.failing_since IS
    'When the duty failed for the first time after its last success; NULL if the last attempt did not fail.';
COMMENT ON COLUMN heartbeat_maintenance.failures IS 'How often the duty has failed since its last success.';
COMMENT ON COLUMN heartbeat_maintenance.failures_total IS 'How often the duty has failed since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.reason IS 'Why the last attempt failed.';
COMMENT ON COLUMN heartbeat_maintenance.hint IS 'What to do.';
