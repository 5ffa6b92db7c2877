--
-- The offset of each Kafka partition of each source, and the counters
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
    message_marks        text COLLATE "C",
    truncated_to         bigint,
    source               text COLLATE "C" NOT NULL DEFAULT 'default',
    messages             bigint NOT NULL DEFAULT 0,
    ignored              bigint NOT NULL DEFAULT 0,
    readings             bigint NOT NULL DEFAULT 0,
    conflicts            bigint NOT NULL DEFAULT 0,
    conflicts_deleted    bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (source, topic, partition)
) WITH (fillfactor = 20); -- leaves space for updates in each page, because every batch updates rows of this table
COMMENT ON TABLE heartbeat_offsets IS
    'The progress of ingest in each Kafka partition of each source: the next offset, and counters of the results of all '
    'offsets since first_offset. The transaction that stores messages also updates the row of their Kafka partition.';
COMMENT ON COLUMN heartbeat_offsets.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_offsets.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_offsets.next_offset IS 'The offset that the worker reads next.';
COMMENT ON COLUMN heartbeat_offsets.first_offset IS 'The offset at which this database began to read and to count.';
COMMENT ON COLUMN heartbeat_offsets.rewound IS
    'Total number of offsets by which seeks, resets and replays have moved ingest back.';
COMMENT ON COLUMN heartbeat_offsets.records IS 'Readings stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_offsets.anomalies IS 'Readings stored in heartbeat_anomalies: the sum of the three types.';
COMMENT ON COLUMN heartbeat_offsets.bradycardia IS 'Anomalies of type BRADYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.tachycardia IS 'Anomalies of type TACHYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.invalid IS 'Anomalies of type INVALID.';
COMMENT ON COLUMN heartbeat_offsets.duplicates IS 'Readings that were already stored with the same heart rate.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters IS 'Messages stored in heartbeat_dead_letters that no retry has resolved.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters_deleted IS
    'Number of unresolved dead letters that a person or heartbeat.retention has deleted from heartbeat_dead_letters.';
COMMENT ON COLUMN heartbeat_offsets.empty_offsets IS
    'Offsets without a message: compaction, transaction markers, aborted transactions, gaps in heartbeat_gaps.';
COMMENT ON COLUMN heartbeat_offsets.first_event IS 'Earliest event_timestamp of the readings stored from this partition.';
COMMENT ON COLUMN heartbeat_offsets.last_event IS
    'Latest event_timestamp of the readings stored from this partition. If the event_timestamp of a reading is more than '
    'heartbeat.max_clock_skew after the time at which heartbeat stored the reading, heartbeat uses the latter time.';
COMMENT ON COLUMN heartbeat_offsets.last_message_at IS 'Kafka timestamp of the last message that was read and has a timestamp.';
COMMENT ON COLUMN heartbeat_offsets.last_message_offset IS
    'Offset of the last message read. After each connect the worker reads this message again: if another message is at this '
    'offset, Kafka''s log is no longer the same. A seek clears the column.';
COMMENT ON COLUMN heartbeat_offsets.cluster_id IS 'Id of the Kafka cluster to which the offsets belong.';
COMMENT ON COLUMN heartbeat_offsets.topic_id IS
    'Kafka''s id of the topic to which the offsets belong; NULL with librdkafka before 2.3, which does not return this id.';
COMMENT ON COLUMN heartbeat_offsets.lost_at IS
    'When heartbeat found that the offsets of this topic now belong to other messages. A seek or a reset clears the column.';
COMMENT ON COLUMN heartbeat_offsets.lost_reason IS 'How heartbeat found that the offsets belong to other messages.';
COMMENT ON COLUMN heartbeat_offsets.updated_at IS 'Start of the transaction that last wrote the row.';
COMMENT ON COLUMN heartbeat_offsets.message_marks IS
    'Up to 16 consumed messages, with the last consumed message at the end. Each message has the form offset:Kafka time in '
    'milliseconds:CRC-32 of key and value:leader epoch (-1: not known). With these marks heartbeat finds out whether Kafka''s log '
    'is still the log that heartbeat has read, and to which offset Kafka truncated the log.';
COMMENT ON COLUMN heartbeat_offsets.truncated_to IS
    'From this offset on, the log of the partition can have other messages than heartbeat has read, because Kafka truncated '
    'the log. NULL if Kafka has not truncated the log. A seek or a reset clears the column.';
COMMENT ON COLUMN heartbeat_offsets.source IS 'Name of the source, as in heartbeat_sources.';
COMMENT ON COLUMN heartbeat_offsets.messages IS
    'Messages that were decoded, also messages without a reading. The number includes dead letters that were read again.';
COMMENT ON COLUMN heartbeat_offsets.ignored IS
    'Messages that the source''s mapping ignores: the conditions in "when" do not hold for the message, or hold for none of its '
    'elements.';
COMMENT ON COLUMN heartbeat_offsets.readings IS 'Readings of the decoded messages: records, anomalies, duplicates and conflicts.';
COMMENT ON COLUMN heartbeat_offsets.conflicts IS
    'Readings that were not stored, because a reading of the same customer, time and device is stored with another heart rate. '
    'heartbeat_dead_letters has their messages, with the error code CONFLICT.';
COMMENT ON COLUMN heartbeat_offsets.conflicts_deleted IS
    'Number of readings in conflict whose messages a person or heartbeat.retention has deleted from heartbeat_dead_letters.';

CREATE TABLE heartbeat_gaps (
    topic       text COLLATE "C" NOT NULL,
    partition   integer NOT NULL,
    from_offset bigint NOT NULL,
    to_offset   bigint NOT NULL,
    reason      text NOT NULL,
    recorded_by text NOT NULL DEFAULT session_user,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    source      text COLLATE "C" NOT NULL DEFAULT 'default',
    CHECK (to_offset > from_offset)
);
COMMENT ON TABLE heartbeat_gaps IS 'Offsets that a seek or heartbeat.offset_reset skipped on purpose.';
COMMENT ON COLUMN heartbeat_gaps.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_gaps.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_gaps.from_offset IS 'First offset that was skipped.';
COMMENT ON COLUMN heartbeat_gaps.to_offset IS 'First offset after the gap.';
COMMENT ON COLUMN heartbeat_gaps.reason IS 'Why the offsets were skipped.';
COMMENT ON COLUMN heartbeat_gaps.recorded_by IS 'The session''s user.';
COMMENT ON COLUMN heartbeat_gaps.recorded_at IS 'When the gap was recorded.';
COMMENT ON COLUMN heartbeat_gaps.source IS 'Name of the source, as in heartbeat_sources.';
ALTER TABLE heartbeat_gaps REPLICA IDENTITY FULL; -- the table has no key, and tables/rollup.sql explains the identity FULL
