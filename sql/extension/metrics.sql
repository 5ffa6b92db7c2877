--
-- Metrics for Prometheus. The names follow the conventions of Prometheus: base units, and _total for counters. The view reads
-- shared memory and small tables, such as heartbeat_offsets with one row for each Kafka partition. The view reads no readings.
--

CREATE VIEW heartbeat_metrics WITH (security_barrier) AS
    WITH now AS MATERIALIZED (
        SELECT s.state, s.since, s.workers, s.last_error_at FROM heartbeat_state() s
    ), partitions AS MATERIALIZED (
        SELECT jsonb_build_object('source', o.source, 'topic', o.topic, 'partition', o.partition::text) AS labels, o.*,
               p.high_watermark, p.lag_messages, p.lag_seconds, p.state
        FROM heartbeat_offsets o
        JOIN heartbeat_partitions p ON p.source = o.source AND p.topic = o.topic AND p.partition = o.partition
    ), families (position, family, type, help) AS (VALUES
        (1, 'heartbeat_info', 'gauge', 'Labels with the version of the extension, the topic and the group; the value is always 1.'),
        (2, 'heartbeat_state', 'gauge', '1 for the state that heartbeat_status shows, 0 for the other states.'),
        (3, 'heartbeat_state_since_timestamp_seconds', 'gauge', 'Since when heartbeat has this state.'),
        (4, 'heartbeat_workers', 'gauge', 'Number of ingest workers that run.'),
        (5, 'heartbeat_workers_wanted', 'gauge', 'Number of ingest workers that should run: heartbeat.workers.'),
        (6, 'heartbeat_last_error_timestamp_seconds', 'gauge', 'When the last error of a worker occurred, since the server started.'),
        (7, 'heartbeat_messages_total', 'counter',
         'Messages that were decoded or that the source''s mapping ignores; messages that are read again count again.'),
        (8, 'heartbeat_readings_total', 'counter', 'Readings by their result; readings that are read again count again.'),
        (9, 'heartbeat_anomalies_total', 'counter', 'Readings stored as anomalies, by type.'),
        (10, 'heartbeat_offsets_total', 'counter', 'Offsets passed, with and without a message; offsets that are read again count again.'),
        (11, 'heartbeat_dead_letters', 'gauge', 'Number of unresolved dead letters.'),
        (12, 'heartbeat_conflicts', 'gauge',
         'Readings in conflict with a stored heart rate that no retry has settled, and whose messages nobody has deleted.'),
        (13, 'heartbeat_next_offset', 'gauge', 'The offset that the worker reads next.'),
        (14, 'heartbeat_high_watermark', 'gauge', 'The offset after the last message of the partition, as its worker saw it last.'),
        (15, 'heartbeat_lag_messages', 'gauge', 'Number of offsets from the next offset to the end of the partition.'),
        (16, 'heartbeat_lag_seconds', 'gauge', 'Age of the last message read, if there is lag; 0 without lag.'),
        (17, 'heartbeat_last_message_timestamp_seconds', 'gauge', 'Kafka timestamp of the last message read.'),
        (18, 'heartbeat_announcements_dropped_total', 'counter',
         'Announcements (NOTIFY) dropped since the server started, because the notification queue was too full.'),
        (19, 'heartbeat_maintenance_failing', 'gauge',
         '1 if the last attempt of this duty of the maintenance worker failed, otherwise 0.'),
        (20, 'heartbeat_maintenance_failures_total', 'counter', 'Failures of this duty of the maintenance worker since the server started.'),
        (21, 'heartbeat_partition_away', 'gauge', '1 if the worker cannot read the partition, otherwise 0.'),
        (22, 'heartbeat_source_state', 'gauge', '1 for the state of the source, as in heartbeat_source_status, 0 for the other states.'),
        (23, 'heartbeat_batch_seconds', 'histogram', 'Time to store a batch, since the server started.')
    ), samples (family, suffix, labels, value) AS (
        SELECT 'heartbeat_info', '', jsonb_build_object('version', e.extversion, 'topic', current_setting('heartbeat.topic'),
                                                        'group_id', current_setting('heartbeat.group_id')), 1
        FROM pg_extension e, now WHERE e.extname = 'heartbeat'
        UNION ALL
        SELECT 'heartbeat_state', '', jsonb_build_object('state', s.state), CASE WHEN s.state = now.state THEN 1 ELSE 0 END
        FROM now, unnest(ARRAY['RUNNING', 'PAUSED', 'CONNECTING', 'RETRYING', 'STALLED', 'FAILED', 'STOPPED']) s (state)
        UNION ALL
        SELECT 'heartbeat_source_state', '', jsonb_build_object('source', s.source, 'topic', s.topic, 'state', n.state),
               CASE WHEN n.state = s.state THEN 1 ELSE 0 END
        FROM heartbeat_source_status s,
             unnest(ARRAY['RUNNING', 'PAUSED', 'CONNECTING', 'RETRYING', 'STALLED', 'FAILED', 'STOPPED']) n (state)
        UNION ALL
        SELECT v.family, '', '{}', v.value
        FROM now, LATERAL (VALUES
            ('heartbeat_state_since_timestamp_seconds', extract(epoch FROM now.since)::double precision),
            ('heartbeat_workers', now.workers),
            ('heartbeat_announcements_dropped_total', heartbeat_announcements_dropped()),
            ('heartbeat_workers_wanted', current_setting('heartbeat.workers')::double precision),
            ('heartbeat_last_error_timestamp_seconds', extract(epoch FROM now.last_error_at))) v (family, value)
        UNION ALL
        SELECT v.family, '', p.labels || v.labels, v.value
        FROM partitions p, LATERAL (VALUES
            ('heartbeat_messages_total', '{"result": "decoded"}'::jsonb, p.messages::double precision),
            ('heartbeat_messages_total', '{"result": "ignored"}', p.ignored),
            ('heartbeat_readings_total', '{"result": "record"}', p.records),
            ('heartbeat_readings_total', '{"result": "anomaly"}', p.anomalies),
            ('heartbeat_readings_total', '{"result": "duplicate"}', p.duplicates),
            ('heartbeat_anomalies_total', '{"type": "BRADYCARDIA"}', p.bradycardia),
            ('heartbeat_anomalies_total', '{"type": "TACHYCARDIA"}', p.tachycardia),
            ('heartbeat_anomalies_total', '{"type": "INVALID"}', p.invalid),
            ('heartbeat_offsets_total', '{}', p.next_offset::double precision - p.first_offset + p.rewound),
            ('heartbeat_dead_letters', '{}', p.dead_letters::double precision - p.dead_letters_deleted),
            ('heartbeat_conflicts', '{}', p.conflicts::double precision - p.conflicts_deleted),
            ('heartbeat_next_offset', '{}', p.next_offset),
            ('heartbeat_high_watermark', '{}', p.high_watermark),
            ('heartbeat_lag_messages', '{}', p.lag_messages),
            ('heartbeat_lag_seconds', '{}', p.lag_seconds),
            ('heartbeat_partition_away', '{}', CASE WHEN p.state = 'AWAY' THEN 1 WHEN p.state IS NOT NULL THEN 0 END),
            ('heartbeat_last_message_timestamp_seconds', '{}', extract(epoch FROM p.last_message_at))
            ) v (family, labels, value)
        UNION ALL
        SELECT v.family, '', jsonb_build_object('duty', m.duty), v.value
        FROM heartbeat_maintenance_duties() m, LATERAL (VALUES
            ('heartbeat_maintenance_failing', CASE WHEN m.failing_since IS NULL THEN 0 ELSE 1 END::double precision),
            ('heartbeat_maintenance_failures_total', m.failures_total)) v (family, value)
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
    'All metrics of heartbeat, with one row for each sample, for an exporter of Prometheus. examples/prometheus has '
    'configurations. An unknown value has no row.';
COMMENT ON COLUMN heartbeat_metrics.name IS 'Name of the sample.';
COMMENT ON COLUMN heartbeat_metrics.labels IS 'Labels of the sample; all values are texts.';
COMMENT ON COLUMN heartbeat_metrics.value IS 'Value of the sample, in seconds, messages, offsets or workers.';
COMMENT ON COLUMN heartbeat_metrics.type IS 'gauge, counter or histogram.';
COMMENT ON COLUMN heartbeat_metrics.help IS 'What the metric means.';
COMMENT ON COLUMN heartbeat_metrics.family IS
    'Name of the metric: the name of the sample, but for a histogram without the suffix _bucket, _count or _sum.';
