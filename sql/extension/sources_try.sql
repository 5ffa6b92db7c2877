--
-- Looks at the newest messages of a topic, and stores nothing
--

-- Neither function is SECURITY DEFINER: each checks the rights of its caller, as heartbeat_add_source() does.
CREATE FUNCTION heartbeat_try_source(topic text, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL, format text DEFAULT NULL,
                                     brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL, schema_registry text DEFAULT NULL,
                                     schema text DEFAULT NULL, messages integer DEFAULT 100,
                                     OUT kafka_partition integer, OUT kafka_offset bigint, OUT customer_id text, OUT device_id text,
                                     OUT heart_rate double precision, OUT event_timestamp timestamptz, OUT class text, OUT error_code text,
                                     OUT error_text text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_try_source(text, jsonb, text, text, text, text, text, text, integer) IS
    'Decodes the newest messages of a Kafka topic, up to the given number (1 to 10000, in 64 MB), and returns what a source with '
    'this mapping or preset would store: one row a reading. It does not look for duplicates and conflicts. A message without '
    'a reading has one row: error_code is the code that its dead letter would have, IGNORED if the mapping leaves the message out, '
    'or NO_READING if the message has none. The function stores nothing, commits nothing to Kafka and creates no topic. It waits '
    'at most 10 seconds for Kafka, then returns what has arrived, with a notice. brokers and kafka_config_file need the right to '
    'set heartbeat.brokers and heartbeat.kafka_config_file; without them the function uses these settings.';

CREATE FUNCTION heartbeat_suggest_mapping(topic text, brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL,
                                          schema_registry text DEFAULT NULL, schema text DEFAULT NULL, messages integer DEFAULT 100,
                                          OUT format text, OUT preset text, OUT mapping jsonb, OUT fits integer, OUT of integer)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_suggest_mapping(text, text, text, text, text, integer) IS
    'Looks at the newest messages of a Kafka topic, as heartbeat_try_source() reads them, and returns up to five presets and mappings '
    'that read them, the best first: fits is the number of messages that become at least one reading, and of the number of '
    'messages that the function has looked at. A suggestion is a guess from the names, types and ranges of values: look at its readings with '
    'heartbeat_try_source() before you add a source. The function stores nothing, commits nothing to Kafka and creates no topic.';
