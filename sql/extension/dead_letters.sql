--
-- What could not be stored, and the second try
--

CREATE TABLE heartbeat_dead_letters (
    id              bigserial PRIMARY KEY,
    topic           text COLLATE "C" NOT NULL,
    partition       integer NOT NULL,
    "offset"        bigint NOT NULL,
    key             bytea,
    payload         bytea,
    kafka_timestamp timestamptz,
    error_code      text COLLATE "C" NOT NULL,
    error_text      text NOT NULL,
    arrived_at      timestamptz NOT NULL DEFAULT now(),
    resolved_at     timestamptz
);
CREATE INDEX ON heartbeat_dead_letters (topic, partition, "offset");
CREATE INDEX ON heartbeat_dead_letters (id) WHERE resolved_at IS NULL;
COMMENT ON TABLE heartbeat_dead_letters IS
    'Every message that could not become a reading, with its exact bytes. heartbeat_retry_dead_letters() tries again.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'A number for the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS 'The message''s payload; NULL for a tombstone.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS 'What was wrong, as a code: INVALID_JSON, MISSING_FIELD, ...';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'What was wrong, for a person.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored it as a reading; NULL until then.';

CREATE FUNCTION heartbeat_retry_dead_letters(OUT resolved bigint, OUT remaining bigint)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_retry_dead_letters() IS
    'Decodes every unresolved dead letter again, stores those that now are readings, and marks them resolved, all in '
    'the caller''s transaction. Returns how many were resolved and how many remain.';
