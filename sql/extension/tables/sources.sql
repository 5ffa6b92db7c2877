--
-- The sources. A source is a Kafka topic with a layout of its messages. The view heartbeat_sources shows the sources.
--

-- A worker reads this table in the transaction that stores a batch, while it holds the lock of the source
-- (heartbeat_lock_source()). Each change of a source increases its revision. If the revision has changed since the worker
-- decoded the messages, the worker does not store the batch.
CREATE TABLE heartbeat_source_definitions (
    name              text COLLATE "C" PRIMARY KEY CHECK (octet_length(name) BETWEEN 1 AND 63),
    source_id         serial NOT NULL UNIQUE,
    topic             text COLLATE "C",
    mapping           jsonb,
    preset            text COLLATE "C",
    format            text COLLATE "C",
    brokers           text,
    kafka_config_file text,
    schema_registry   text,
    schema            text,
    start_offset      text COLLATE "C" CHECK (start_offset IN ('earliest', 'latest')),
    offset_reset      text COLLATE "C" CHECK (offset_reset IN ('error', 'earliest', 'latest')),
    tombstones        text COLLATE "C" NOT NULL DEFAULT 'dead_letter' CHECK (tombstones IN ('dead_letter', 'erase')),
    revision          bigint NOT NULL DEFAULT 1,
    added_by          text NOT NULL DEFAULT session_user,
    added_at          timestamptz NOT NULL DEFAULT now(),
    changed_at        timestamptz,
    dropped_at        timestamptz,
    CHECK (topic IS NOT NULL OR source_id = 0),
    CHECK (dropped_at IS NULL OR source_id = 0)
);
COMMENT ON TABLE heartbeat_source_definitions IS
    'Internal: the sources, as heartbeat_add_source() and heartbeat_alter_source() have stored them. Query heartbeat_sources '
    'instead of this table.';
COMMENT ON COLUMN heartbeat_source_definitions.name IS 'Name of the source, 1 to 63 bytes.';
COMMENT ON COLUMN heartbeat_source_definitions.source_id IS
    'Number of the source. No later source gets the same number. 0 is the source default, which CREATE EXTENSION makes.';
COMMENT ON COLUMN heartbeat_source_definitions.topic IS 'Kafka topic. NULL: heartbeat.topic. Only the source default can have NULL.';
COMMENT ON COLUMN heartbeat_source_definitions.mapping IS
    'Where a message has the fields of its readings. NULL: the source has the mapping of its preset, or heartbeat''s own layout.';
COMMENT ON COLUMN heartbeat_source_definitions.preset IS 'Name of a mapping that heartbeat contains; NULL: the source has no preset.';
COMMENT ON COLUMN heartbeat_source_definitions.format IS 'Format of the messages. NULL: the format of the preset, or json.';
COMMENT ON COLUMN heartbeat_source_definitions.brokers IS 'Bootstrap servers; NULL: heartbeat.brokers.';
COMMENT ON COLUMN heartbeat_source_definitions.kafka_config_file IS 'File of librdkafka properties; NULL: heartbeat.kafka_config_file.';
COMMENT ON COLUMN heartbeat_source_definitions.schema_registry IS
    'URLs of the schema registry, with commas between them; NULL: the source has no schema registry.';
COMMENT ON COLUMN heartbeat_source_definitions.schema IS
    'Schema of messages that do not name a schema; NULL: the source has no schema.';
COMMENT ON COLUMN heartbeat_source_definitions.start_offset IS
    'Where the workers begin in a topic without a stored offset: earliest or latest. NULL: heartbeat.start_offset. Only the source '
    'default can have NULL.';
COMMENT ON COLUMN heartbeat_source_definitions.offset_reset IS
    'What a worker does if Kafka does not hold the stored offset: error, earliest or latest. NULL: heartbeat.offset_reset. Only the '
    'source default can have NULL.';
COMMENT ON COLUMN heartbeat_source_definitions.tombstones IS 'What a message without a value becomes: dead_letter.';
COMMENT ON COLUMN heartbeat_source_definitions.revision IS 'Grows with each change of the row.';
COMMENT ON COLUMN heartbeat_source_definitions.added_by IS 'The session''s user who added the source.';
COMMENT ON COLUMN heartbeat_source_definitions.added_at IS 'When the source was added.';
COMMENT ON COLUMN heartbeat_source_definitions.changed_at IS 'When the source was last changed; NULL: never.';
COMMENT ON COLUMN heartbeat_source_definitions.dropped_at IS
    'When the source default was dropped; NULL: the source was not dropped. heartbeat_drop_source() deletes the row of any other source.';
INSERT INTO heartbeat_source_definitions (name, source_id) VALUES ('default', 0);
