--
-- Functions that look at the newest messages of a topic, and store nothing
--

-- These functions are not SECURITY DEFINER: they check the rights of their caller, as heartbeat_add_source() does.
CREATE FUNCTION heartbeat_try_source(topic text, mapping jsonb DEFAULT NULL, preset text DEFAULT NULL, format text DEFAULT NULL,
                                     brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL, schema_registry text DEFAULT NULL,
                                     schema text DEFAULT NULL, messages integer DEFAULT 100,
                                     OUT kafka_partition integer, OUT kafka_offset bigint, OUT customer_id text, OUT device_id text,
                                     OUT heart_rate double precision, OUT event_timestamp timestamptz, OUT class text, OUT error_code text,
                                     OUT error_text text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_try_source(text, jsonb, text, text, text, text, text, text, integer) IS
    'Decodes the newest messages of a Kafka topic, and returns one row for each reading that a source with this mapping or preset '
    'would store. The argument messages is the largest number of messages (1 to 10000). Together they can have at most 64 MB. The '
    'function does not look for duplicates and conflicts. A message without a reading has one row with an error_code: IGNORED if the '
    'mapping leaves the message out, NO_READING if the message has no reading, and otherwise the code of its dead letter. The '
    'function stores nothing, commits nothing to Kafka and creates no topic. It waits at most 10 seconds for Kafka, and then returns '
    'what has arrived, with a notice. To give brokers or kafka_config_file, a role needs the right to set heartbeat.brokers or '
    'heartbeat.kafka_config_file. Without these arguments the function uses the settings.';

CREATE FUNCTION heartbeat_suggest_mapping(topic text, brokers text DEFAULT NULL, kafka_config_file text DEFAULT NULL,
                                          schema_registry text DEFAULT NULL, schema text DEFAULT NULL, messages integer DEFAULT 100,
                                          OUT format text, OUT preset text, OUT mapping jsonb, OUT fits integer, OUT of integer)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_suggest_mapping(text, text, text, text, text, integer) IS
    'Looks at the newest messages of a Kafka topic, and returns up to five presets and mappings that can decode these '
    'messages, the best first. It reads the same messages as heartbeat_try_source(). The column "fits" is the number of '
    'messages that become at least one reading. The column "of" is the number of messages that the function has looked at. A '
    'suggestion is a guess from the names, types and ranges of values. Look at the readings with heartbeat_try_source() before '
    'you add a source. The function stores nothing, commits nothing to Kafka and creates no topic.';
