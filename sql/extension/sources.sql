--
-- Shows and changes the sources
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

-- These functions are not SECURITY DEFINER: they check the rights of their caller, and then act as the extension's owner. A function
-- that acts as its owner could not tell which role calls it.
CREATE FUNCTION heartbeat_add_source(name text, topic text, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL, format text DEFAULT NULL,
                                     brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL, schema_registry text DEFAULT NULL,
                                     schema text DEFAULT NULL, start_offset text DEFAULT 'earliest', offset_reset text DEFAULT 'error',
                                     tombstones text DEFAULT 'dead_letter') RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_add_source(text, text, jsonb, text, text, text, text, text, text, text, text, text) IS
    'Adds a source: a Kafka topic, and the layout of its messages, by a mapping or by the name of a preset. Without either it '
    'reads heartbeat''s own layout. The workers begin to read it when the call commits. brokers and kafka_config_file need the '
    'right to set heartbeat.brokers and heartbeat.kafka_config_file; without them the source uses these settings. The function '
    'asks neither Kafka nor a schema registry, so heartbeat_source_status shows whether the topic exists.';

CREATE FUNCTION heartbeat_alter_source(name text, topic text DEFAULT NULL, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL,
                                       format text DEFAULT NULL, brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL,
                                       schema_registry text DEFAULT NULL, schema text DEFAULT NULL, start_offset text DEFAULT NULL,
                                       offset_reset text DEFAULT NULL, tombstones text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_alter_source(text, text, jsonb, text, text, text, text, text, text, text, text, text) IS
    'Changes a source. NULL leaves a value, an empty text takes it away, and so does the mapping ''null''. A mapping replaces the '
    'preset, and a preset the mapping. The change is transactional and exact: the function waits for the current batch, and '
    'after its commit no message is stored that was decoded before it. Dead letters are not decoded again: call '
    'heartbeat_retry_dead_letters().';

CREATE FUNCTION heartbeat_drop_source(name text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_drop_source(text) IS
    'Drops a source. Its readings and dead letters stay, its offsets and gaps are deleted. The drop is transactional and exact: '
    'the function waits for the current batch, and after its commit no message of the source is stored. A source of the same '
    'name that is added later begins anew.';

-- The lock conflicts with heartbeat_drop_source() alone. heartbeat_drop_source() takes its lock first, so the caller must call this
-- function before it locks other tables.
CREATE FUNCTION heartbeat_require_source(source text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT FROM heartbeat_source_definitions d WHERE d.name = heartbeat_require_source.source AND d.dropped_at IS NULL FOR KEY SHARE;
    SELECT heartbeat_require(source IS NULL OR EXISTS (SELECT FROM heartbeat_source_definitions d
                                                       WHERE d.name = heartbeat_require_source.source AND d.dropped_at IS NULL),
                             format('there is no source "%s"', source), 'undefined_object', 'heartbeat_sources shows the sources.');
END;
COMMENT ON FUNCTION heartbeat_require_source(text) IS 'Internal: raises an error unless the source exists, or is NULL. Keeps other sessions from dropping it until the transaction ends.';

CREATE FUNCTION heartbeat_topic_of(source text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(d.topic, current_setting('heartbeat.topic')) FROM heartbeat_source_definitions d
    WHERE d.name = heartbeat_topic_of.source AND d.dropped_at IS NULL;
END;
COMMENT ON FUNCTION heartbeat_topic_of(text) IS 'Internal: returns the Kafka topic of the source.';
