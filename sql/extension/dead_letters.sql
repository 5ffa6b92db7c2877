--
-- What could not be stored, and the second try
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
    original_payload bytea
);
CREATE INDEX ON heartbeat_dead_letters (topic, partition, "offset");
CREATE INDEX ON heartbeat_dead_letters (id) WHERE resolved_at IS NULL;
COMMENT ON TABLE heartbeat_dead_letters IS
    'Every message that could not become a reading, with its exact bytes. To repair one: UPDATE its payload, then '
    'heartbeat_retry_dead_letters(). To give it up: DELETE it.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'A number for the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS
    'The message''s payload; NULL for a tombstone. It may be updated: the next retry decodes it.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS
    'What was wrong at the last try: INVALID_JSON, MISSING_FIELD, ..., or the SQLSTATE with which the database refused it.';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'What was wrong at the last try, for a person.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored it as a reading; NULL until then.';
COMMENT ON COLUMN heartbeat_dead_letters.mended_at IS 'When somebody first changed the payload; NULL: it is as it arrived.';
COMMENT ON COLUMN heartbeat_dead_letters.original_payload IS
    'The payload as it arrived, where it was changed since; a replay knows the message by it.';

CREATE FUNCTION heartbeat_keep_original() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.mended_at := now();
    NEW.original_payload := OLD.payload;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION heartbeat_keep_original() IS
    'Internal: keeps the payload of a dead letter that somebody mends, as it arrived.';
CREATE TRIGGER heartbeat_dead_letters_mended BEFORE UPDATE OF payload ON heartbeat_dead_letters
    FOR EACH ROW WHEN (OLD.mended_at IS NULL AND OLD.payload IS DISTINCT FROM NEW.payload)
    EXECUTE FUNCTION heartbeat_keep_original();

-- What is deleted unresolved is given up by a person, or old. Counting it keeps heartbeat_audit_tables() exact, and lets
-- heartbeat.dead_letter_limit know how many there are without counting rows.
CREATE FUNCTION heartbeat_count_deleted() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partitions bigint;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        EXECUTE format('UPDATE %I.heartbeat_offsets SET dead_letters_deleted = dead_letters'
                       ' WHERE dead_letters_deleted <> dead_letters', TG_TABLE_SCHEMA);
    ELSE
        EXECUTE format('UPDATE %I.heartbeat_offsets o SET dead_letters_deleted = o.dead_letters_deleted + d.deleted'
                       ' FROM (SELECT topic, partition, count(*) AS deleted FROM deleted_letters'
                       '       WHERE resolved_at IS NULL GROUP BY topic, partition) d'
                       ' WHERE o.topic = d.topic AND o.partition = d.partition', TG_TABLE_SCHEMA);
    END IF;
    GET DIAGNOSTICS partitions = ROW_COUNT;
    IF partitions > 0 AND current_setting('heartbeat.dead_letter_limit', true)::integer > 0 THEN
        EXECUTE format('SELECT %I.heartbeat_wake_workers()', TG_TABLE_SCHEMA);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION heartbeat_count_deleted() IS
    'Internal: counts in heartbeat_offsets the unresolved dead letters that are deleted, and has workers that stopped for '
    'their number try again.';
CREATE TRIGGER heartbeat_dead_letters_deleted AFTER DELETE ON heartbeat_dead_letters
    REFERENCING OLD TABLE AS deleted_letters FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();
CREATE TRIGGER heartbeat_dead_letters_truncated AFTER TRUNCATE ON heartbeat_dead_letters
    FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_count_deleted();

CREATE FUNCTION heartbeat_retry_dead_letters(error_code text DEFAULT NULL, topic text DEFAULT NULL,
                                             partition integer DEFAULT NULL,
                                             arrived_since timestamptz DEFAULT NULL,
                                             arrived_until timestamptz DEFAULT NULL, ids bigint[] DEFAULT NULL,
                                             OUT resolved bigint, OUT remaining bigint, OUT remaining_errors jsonb)
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp;
COMMENT ON FUNCTION heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]) IS
    'Decodes unresolved dead letters again, stores those that now are readings, and marks them resolved, all in the '
    'caller''s transaction. Arguments that are given narrow down which: an error code, a topic, a partition, when they '
    'arrived (arrived_since <= arrived_at < arrived_until), ids. Returns how many of them were resolved, how many '
    'remain, and what is wrong with those, as {"code": count}.';

-- Without payloads, so that it can be shown to whoever may not see patients' data.
CREATE VIEW heartbeat_dead_letter_summary AS
    SELECT e.error_code, e.dead_letters, e.first_arrived_at, e.last_arrived_at, l.id AS example_id,
           l.topic AS example_topic, l.partition AS example_partition, l."offset" AS example_offset,
           l.error_text AS example_error
    FROM (SELECT d.error_code, count(*) AS dead_letters, min(d.arrived_at) AS first_arrived_at,
                 max(d.arrived_at) AS last_arrived_at, max(d.id) AS newest
          FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL GROUP BY d.error_code) e
    JOIN heartbeat_dead_letters l ON l.id = e.newest
    ORDER BY e.dead_letters DESC, e.error_code;
COMMENT ON VIEW heartbeat_dead_letter_summary IS
    'One row an error code of the dead letters that are not resolved: how many, when they arrived, and the newest one.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.error_code IS 'What was wrong at the last try.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.dead_letters IS 'How many dead letters that are not resolved.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.first_arrived_at IS 'When the first of them arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.last_arrived_at IS 'When the last of them arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_id IS 'The newest one: its id in heartbeat_dead_letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_topic IS 'Its Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_partition IS 'Its Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_offset IS 'Its Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_error IS 'What was wrong with it, for a person.';
