--
-- Shows the sources
--

-- A dump has the source default only if it was changed or dropped, and a publication of all tables always has it. The row replaces the
-- row that CREATE EXTENSION has inserted.
CREATE FUNCTION heartbeat_replace_default() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('DELETE FROM %s WHERE name = $1', TG_RELID::regclass) USING NEW.name;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION heartbeat_replace_default() IS
    'Internal: removes the source default of CREATE EXTENSION when a dump or a publisher has another row for it.';

-- Only roles that may see heartbeat.kafka_config_file see the file of a source.
CREATE VIEW heartbeat_sources WITH (security_barrier) AS
    SELECT d.name, coalesce(d.topic, current_setting('heartbeat.topic', true)) AS topic,
           coalesce(d.format, CASE d.preset WHEN 'radar' THEN 'avro' ELSE 'json' END) AS format, d.preset, d.mapping, d.brokers,
           CASE WHEN pg_has_role('pg_read_all_settings', 'USAGE') THEN d.kafka_config_file END AS kafka_config_file,
           d.schema_registry, d.schema, coalesce(d.start_offset, current_setting('heartbeat.start_offset', true)) AS start_offset,
           coalesce(d.offset_reset, current_setting('heartbeat.offset_reset', true)) AS offset_reset, d.tombstones, d.revision,
           d.added_by, d.added_at, d.changed_at
    FROM heartbeat_source_definitions d
    WHERE d.dropped_at IS NULL;
COMMENT ON VIEW heartbeat_sources IS
    'One row for each source: a Kafka topic, and the layout of its messages. default is the topic of heartbeat.topic, in '
    'heartbeat''s own layout. heartbeat_add_source(), heartbeat_alter_source() and heartbeat_drop_source() change the sources.';
COMMENT ON COLUMN heartbeat_sources.name IS 'Name of the source.';
COMMENT ON COLUMN heartbeat_sources.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_sources.format IS 'Format of the messages: json, json-schema, avro or protobuf.';
COMMENT ON COLUMN heartbeat_sources.preset IS 'Name of a mapping that heartbeat has; NULL: none.';
COMMENT ON COLUMN heartbeat_sources.mapping IS
    'Where a message has the fields of its readings. NULL without a preset: heartbeat''s own layout.';
COMMENT ON COLUMN heartbeat_sources.brokers IS 'Bootstrap servers of Kafka; NULL: heartbeat.brokers.';
COMMENT ON COLUMN heartbeat_sources.kafka_config_file IS
    'File of librdkafka properties; NULL: heartbeat.kafka_config_file, or the role may not see it (pg_read_all_settings).';
COMMENT ON COLUMN heartbeat_sources.schema_registry IS 'URLs of the schema registry; NULL: none.';
COMMENT ON COLUMN heartbeat_sources.schema IS 'Schema of messages that name none; NULL: none.';
COMMENT ON COLUMN heartbeat_sources.start_offset IS 'Where to begin in a topic without a stored offset: earliest or latest.';
COMMENT ON COLUMN heartbeat_sources.offset_reset IS
    'What to do if Kafka does not hold the stored offset: error, earliest or latest.';
COMMENT ON COLUMN heartbeat_sources.tombstones IS 'What a message without a value is: dead_letter.';
COMMENT ON COLUMN heartbeat_sources.revision IS 'Grows with each change of the source.';
COMMENT ON COLUMN heartbeat_sources.added_by IS 'The session''s user who added the source.';
COMMENT ON COLUMN heartbeat_sources.added_at IS 'When the source was added.';
COMMENT ON COLUMN heartbeat_sources.changed_at IS 'When the source was last changed; NULL: never.';
