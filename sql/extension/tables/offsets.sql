--
-- The offset of each Kafka partition, and the counters
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
COMMENT ON COLUMN heartbeat_offsets.last_event IS
    'Latest event_timestamp stored from this partition; of a reading further ahead than heartbeat.max_clock_skew, when it was stored.';
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
COMMENT ON COLUMN heartbeat_offsets.message_marks IS
    'Up to 16 consumed messages, the last one at the end, each as offset:Kafka time in milliseconds:CRC-32 of key and value:leader '
    'epoch (-1: not known). They tell whether Kafka''s log is still the one that was read, and how far it was truncated.';
COMMENT ON COLUMN heartbeat_offsets.truncated_to IS
    'The lowest offset from which on Kafka''s log of the partition can be another one than was read, since it was found truncated; '
    'NULL: it was not. A seek or reset clears it.';

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
ALTER TABLE heartbeat_gaps REPLICA IDENTITY FULL; -- without a key: see heartbeat_rollup_pending
