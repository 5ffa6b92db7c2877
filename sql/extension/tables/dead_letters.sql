--
-- Messages that are not valid readings, and messages with a reading that conflicts with a stored reading
--

CREATE TABLE heartbeat_dead_letters (
    id               bigserial PRIMARY KEY,
    topic            text COLLATE "C" NOT NULL,
    partition        integer NOT NULL,
    "offset"         bigint NOT NULL,
    key              bytea,
    payload          bytea,
    kafka_timestamp  timestamptz,
    error_code       text COLLATE "C" NOT NULL,
    error_text       text NOT NULL,
    arrived_at       timestamptz NOT NULL DEFAULT now(),
    resolved_at      timestamptz,
    mended_at        timestamptz,
    original_payload bytea,
    source           text COLLATE "C" NOT NULL DEFAULT 'default',
    header_names     text[],
    header_values    bytea[],
    readings         jsonb
);
CREATE INDEX ON heartbeat_dead_letters (source, topic, partition, "offset");
CREATE INDEX ON heartbeat_dead_letters (id) WHERE resolved_at IS NULL;
COMMENT ON TABLE heartbeat_dead_letters IS
    'All messages that are not readings, with their exact bytes. To repair a dead letter, UPDATE its payload and call '
    'heartbeat_retry_dead_letters(). If you cannot repair a dead letter, DELETE it. The table also has the messages with a reading '
    'in conflict (CONFLICT): another heart rate of the same customer, time and device is stored.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'Number of the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if the message had no key.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS
    'The message''s payload; NULL for a tombstone. You may update it: the next retry decodes the new payload.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if the message had no timestamp.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS
    'The error of the last attempt: INVALID_JSON, MISSING_FIELD and so on, or the SQLSTATE with which the database refused the '
    'reading.';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'Error text of the last attempt.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored the message as a reading; NULL until then.';
COMMENT ON COLUMN heartbeat_dead_letters.mended_at IS 'When a person first changed the payload; NULL: no person has changed the payload.';
COMMENT ON COLUMN heartbeat_dead_letters.original_payload IS
    'The payload as it arrived, if a person has changed it since. A replay recognizes the message by this payload.';
COMMENT ON COLUMN heartbeat_dead_letters.source IS 'Name of the source, as in heartbeat_sources.';
COMMENT ON COLUMN heartbeat_dead_letters.header_names IS
    'Names of the message''s headers, in their order; NULL if the message had no headers.';
COMMENT ON COLUMN heartbeat_dead_letters.header_values IS
    'Values of the message''s headers, in the order of header_names; a value can be NULL.';
COMMENT ON COLUMN heartbeat_dead_letters.readings IS
    'With the error code CONFLICT: the readings that were not stored, as an array of objects with customer_id, device_id, '
    'event_timestamp, heart_rate, and the heart rate that is stored (stored_heart_rate). NULL with every other error code.';
