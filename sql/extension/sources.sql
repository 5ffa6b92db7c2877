--
-- A view that shows the sources, and functions that change the sources
--

-- CREATE EXTENSION inserts a row for the source `default`. A dump also has this row if the source was changed or dropped, and a
-- publication of all tables always has it. This trigger deletes the row of CREATE EXTENSION before the dump or the publication
-- inserts its row.
CREATE FUNCTION heartbeat_replace_default() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('DELETE FROM %s WHERE name = $1', TG_RELID::regclass) USING NEW.name;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION heartbeat_replace_default() IS
    'Internal: if a dump or a publisher has another row for the source default, removes the row that CREATE EXTENSION has inserted.';

-- A role sees kafka_config_file only if the role may also see the setting heartbeat.kafka_config_file.
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
    'One row for each source. A source is a Kafka topic with a layout of its messages. The source default has the topic of '
    'heartbeat.topic, and heartbeat''s own layout. heartbeat_add_source(), heartbeat_alter_source() and heartbeat_drop_source() '
    'change the sources.';
COMMENT ON COLUMN heartbeat_sources.name IS 'Name of the source.';
COMMENT ON COLUMN heartbeat_sources.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_sources.format IS 'Format of the messages: json, json-schema, avro or protobuf.';
COMMENT ON COLUMN heartbeat_sources.preset IS 'Name of a mapping that heartbeat contains; NULL: the source has no preset.';
COMMENT ON COLUMN heartbeat_sources.mapping IS
    'Where a message has the fields of its readings. If the mapping and the preset are NULL, the source has heartbeat''s own layout.';
COMMENT ON COLUMN heartbeat_sources.brokers IS 'Bootstrap servers of Kafka; NULL: heartbeat.brokers.';
COMMENT ON COLUMN heartbeat_sources.kafka_config_file IS
    'File of librdkafka properties. NULL: the source uses heartbeat.kafka_config_file, or your role has no right to see the '
    'file (pg_read_all_settings).';
COMMENT ON COLUMN heartbeat_sources.schema_registry IS 'URLs of the schema registry; NULL: the source has no schema registry.';
COMMENT ON COLUMN heartbeat_sources.schema IS 'Schema of messages that do not name a schema; NULL: the source has no schema.';
COMMENT ON COLUMN heartbeat_sources.start_offset IS
    'Where the workers begin in a topic without a stored offset: earliest or latest.';
COMMENT ON COLUMN heartbeat_sources.offset_reset IS
    'What a worker does if Kafka does not hold the stored offset: error, earliest or latest.';
COMMENT ON COLUMN heartbeat_sources.tombstones IS 'What a message without a value becomes: dead_letter.';
COMMENT ON COLUMN heartbeat_sources.revision IS 'Grows with each change of the source.';
COMMENT ON COLUMN heartbeat_sources.added_by IS 'The session''s user who added the source.';
COMMENT ON COLUMN heartbeat_sources.added_at IS 'When the source was added.';
COMMENT ON COLUMN heartbeat_sources.changed_at IS 'When the source was last changed; NULL: never.';

-- These functions are not SECURITY DEFINER: they check the rights of their caller, and then act as the extension's owner. A SECURITY
-- DEFINER function acts as its owner from the beginning, so the function could not see which role calls it.
CREATE FUNCTION heartbeat_add_source(name text, topic text, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL, format text DEFAULT NULL,
                                     brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL, schema_registry text DEFAULT NULL,
                                     schema text DEFAULT NULL, start_offset text DEFAULT NULL, offset_reset text DEFAULT NULL,
                                     tombstones text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_add_source(text, text, jsonb, text, text, text, text, text, text, text, text, text) IS
    'Adds a source: a Kafka topic, and the layout of its messages. A mapping or the name of a preset gives the layout. Without both, '
    'the source has heartbeat''s own layout. The workers begin to read the source when the call commits. To give brokers or '
    'kafka_config_file, a role needs the right to set heartbeat.brokers or heartbeat.kafka_config_file. Without these arguments the '
    'source uses the settings. Without start_offset and offset_reset the workers begin at the earliest offset, and stop if Kafka does not hold '
    'the stored offset; the source default uses the settings instead. The function asks neither Kafka nor a schema registry. heartbeat_source_status shows whether the '
    'topic exists.';

CREATE FUNCTION heartbeat_alter_source(name text, topic text DEFAULT NULL, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL,
                                       format text DEFAULT NULL, brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL,
                                       schema_registry text DEFAULT NULL, schema text DEFAULT NULL, start_offset text DEFAULT NULL,
                                       offset_reset text DEFAULT NULL, tombstones text DEFAULT NULL) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_alter_source(text, text, jsonb, text, text, text, text, text, text, text, text, text) IS
    'Changes a source. NULL does not change a value. An empty text removes a value, and the mapping ''null'' removes the mapping. A '
    'mapping replaces the preset, and a preset replaces the mapping. The change is transactional and exact: the function waits for '
    'the current batch, and after the commit the workers store no message that they decoded before the commit. The function does '
    'not decode dead letters again: call heartbeat_retry_dead_letters().';

CREATE FUNCTION heartbeat_drop_source(name text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_drop_source(text) IS
    'Drops a source. The readings and dead letters of the source stay. The function deletes the offsets and gaps of the source. '
    'The drop is transactional and exact: the function waits for the current batch, and after the commit the workers store no '
    'message of the source. If you later add a source with the same name, the workers begin at the start_offset of the new source.';

-- heartbeat_drop_source() first locks the row of the source, and then other tables. A caller of this function must use the same
-- order: call this function first, and then lock other tables. Otherwise the two sessions could wait for each other (a deadlock).
CREATE FUNCTION heartbeat_require_source(source text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT FROM heartbeat_source_definitions d WHERE d.name = heartbeat_require_source.source AND d.dropped_at IS NULL FOR KEY SHARE;
    SELECT heartbeat_require(source IS NULL OR EXISTS (SELECT FROM heartbeat_source_definitions d
                                                       WHERE d.name = heartbeat_require_source.source AND d.dropped_at IS NULL),
                             format('there is no source "%s"', source), 'undefined_object', 'heartbeat_sources shows the sources.');
END;
COMMENT ON FUNCTION heartbeat_require_source(text) IS
    'Internal: raises an error if the source does not exist. NULL raises no error. No other session can drop the source until '
    'the transaction ends.';

CREATE FUNCTION heartbeat_topic_of(source text) RETURNS text
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(d.topic, current_setting('heartbeat.topic')) FROM heartbeat_source_definitions d
    WHERE d.name = heartbeat_topic_of.source AND d.dropped_at IS NULL;
END;
COMMENT ON FUNCTION heartbeat_topic_of(text) IS 'Internal: returns the Kafka topic of the source.';
