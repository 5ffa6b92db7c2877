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
    'Internal: behind heartbeat_status. The workers'' state is from shared memory, pause and positions are from '
    'heartbeat_control and heartbeat_offsets; where one of these is locked it is not waited for, and lag is what the '
    'workers say.';

CREATE FUNCTION heartbeat_ingest_state() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_ingest_state() IS
    'Internal: the state of ingest alone, whatever the maintenance worker''s duties do; for rules on silence.';

CREATE FUNCTION heartbeat_maintenance_duties(OUT duty text, OUT done_at timestamptz, OUT failing_since timestamptz,
                                             OUT failures bigint, OUT failures_total bigint, OUT reason text, OUT hint text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_maintenance_duties() IS
    'Internal: what the maintenance worker has to do and how it gets on, from shared memory, behind heartbeat_maintenance.';

CREATE FUNCTION heartbeat_partition_states(OUT partition integer, OUT high_watermark bigint, OUT worker_pid integer,
                                           OUT end_is_known boolean, OUT state text, OUT reason text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_partition_states() IS
    'Internal: what the workers know of each partition, from shared memory, behind heartbeat_partitions.';

CREATE FUNCTION heartbeat_batch_times(OUT upper_bound double precision, OUT batches bigint,
                                      OUT total_seconds double precision)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_batch_times() IS
    'How many batches took at most upper_bound seconds to be stored, since the server started, and the seconds of all '
    'batches together; from shared memory, behind heartbeat_metrics.';

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
           s.state, s.reason
    FROM heartbeat_offsets o
    LEFT JOIN heartbeat_partition_states() s USING (partition)
    WHERE o.topic = current_setting('heartbeat.topic', true);
COMMENT ON VIEW heartbeat_partitions IS
    'One row for each partition of heartbeat.topic: position, the end of the partition as the worker last saw it, '
    'lag in messages, what became of the messages, the worker that reads it, how the partition stands and why.';
COMMENT ON COLUMN heartbeat_partitions.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_partitions.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_partitions.next_offset IS 'The offset that will be read next.';
COMMENT ON COLUMN heartbeat_partitions.high_watermark IS
    'The offset after the partition''s last message, as its worker last saw it; NULL while no worker reads it.';
COMMENT ON COLUMN heartbeat_partitions.lag_messages IS
    'Offsets between next_offset and high_watermark; NULL while no worker reads the partition, and where its leader has '
    'not said for 15 seconds where it ends.';
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
    'Age of the last message read, where there is lag; 0 without, NULL where lag_messages is.';
COMMENT ON COLUMN heartbeat_partitions.state IS
    'READING; AWAY: nothing can be read from it, which is tried again each second while the other partitions are read; '
    'ASKED: its leader is being asked where it begins and ends; PAUSED; NULL while no worker has it.';
COMMENT ON COLUMN heartbeat_partitions.reason IS
    'Why it is AWAY: that it has no leader, or what is wrong with the leader, with the id and the address of the broker.';

CREATE VIEW heartbeat_status WITH (security_barrier) AS
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
COMMENT ON COLUMN heartbeat_status.lag_messages IS 'Sum of the partitions'' lag; NULL where the lag of one is not known.';
COMMENT ON COLUMN heartbeat_status.lag_seconds IS
    'Age of the last message read, in seconds, of the partition that lags most; 0 without lag.';
COMMENT ON COLUMN heartbeat_status.last_error IS 'The last error of any worker.';
COMMENT ON COLUMN heartbeat_status.last_error_at IS 'When that was.';
COMMENT ON COLUMN heartbeat_status.hint IS 'What to do next.';

CREATE VIEW heartbeat_maintenance WITH (security_barrier) AS
    SELECT duty, done_at, failing_since, failures, failures_total, reason, hint FROM heartbeat_maintenance_duties();
COMMENT ON VIEW heartbeat_maintenance IS
    'One row for each duty of the maintenance worker: when it was done last, and since when, how often and why it fails. What has '
    'failed three times in a row is also the state RETRYING in heartbeat_status, where ingest runs.';
COMMENT ON COLUMN heartbeat_maintenance.duty IS
    'partitions, retention, indexes (summaries of blocks), fold and rollup (of vw_customer_bpm_summary), alerts, events (the state in '
    'heartbeat_events), summary (in the log).';
COMMENT ON COLUMN heartbeat_maintenance.done_at IS 'When it was done last; NULL: not since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.failing_since IS 'Since when it fails; NULL: it did not fail the last time.';
COMMENT ON COLUMN heartbeat_maintenance.failures IS 'How often it has failed since then.';
COMMENT ON COLUMN heartbeat_maintenance.failures_total IS 'How often it has failed since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.reason IS 'Why it failed the last time.';
COMMENT ON COLUMN heartbeat_maintenance.hint IS 'What to do.';
