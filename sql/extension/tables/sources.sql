--
-- The sources: a topic each, with the layout of its messages. The view heartbeat_sources shows them.
--

-- A worker reads this table in the transaction that stores a batch, under the lock on heartbeat_control that makes a pause exact. It
-- stores the batch only if the source still has the revision with which the worker has read and decoded the messages.
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
    'Internal: the sources, as heartbeat_add_source() and heartbeat_alter_source() have stored them. Query heartbeat_sources instead.';
COMMENT ON COLUMN heartbeat_source_definitions.name IS 'Name of the source, 1 to 63 bytes.';
COMMENT ON COLUMN heartbeat_source_definitions.source_id IS
    'Number of the source, which no later source gets; 0: default, the source that CREATE EXTENSION makes.';
COMMENT ON COLUMN heartbeat_source_definitions.topic IS 'Kafka topic; NULL, for default only: heartbeat.topic.';
COMMENT ON COLUMN heartbeat_source_definitions.mapping IS
    'Where a message has the fields of its readings; NULL: the preset says it, or heartbeat''s own layout.';
COMMENT ON COLUMN heartbeat_source_definitions.preset IS 'Name of a mapping that heartbeat has; NULL: none.';
COMMENT ON COLUMN heartbeat_source_definitions.format IS 'Format of the messages; NULL: the preset''s, or json.';
COMMENT ON COLUMN heartbeat_source_definitions.brokers IS 'Bootstrap servers; NULL: heartbeat.brokers.';
COMMENT ON COLUMN heartbeat_source_definitions.kafka_config_file IS 'File of librdkafka properties; NULL: heartbeat.kafka_config_file.';
COMMENT ON COLUMN heartbeat_source_definitions.schema_registry IS 'URLs of the schema registry, with commas between them; NULL: none.';
COMMENT ON COLUMN heartbeat_source_definitions.schema IS 'Schema of messages that name none; NULL: none.';
COMMENT ON COLUMN heartbeat_source_definitions.start_offset IS
    'Where to begin in a topic without a stored offset: earliest or latest; NULL, for default only: heartbeat.start_offset.';
COMMENT ON COLUMN heartbeat_source_definitions.offset_reset IS
    'What to do if Kafka does not hold the stored offset: error, earliest or latest; NULL, for default only: heartbeat.offset_reset.';
COMMENT ON COLUMN heartbeat_source_definitions.tombstones IS 'What a message without a value is: dead_letter.';
COMMENT ON COLUMN heartbeat_source_definitions.revision IS 'Grows with each change of the row.';
COMMENT ON COLUMN heartbeat_source_definitions.added_by IS 'The session''s user who added the source.';
COMMENT ON COLUMN heartbeat_source_definitions.added_at IS 'When the source was added.';
COMMENT ON COLUMN heartbeat_source_definitions.changed_at IS 'When the source was last changed; NULL: never.';
COMMENT ON COLUMN heartbeat_source_definitions.dropped_at IS
    'When default was dropped; NULL: it is a source. The row of each other source is deleted.';
INSERT INTO heartbeat_source_definitions (name, source_id) VALUES ('default', 0);
