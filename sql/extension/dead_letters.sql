--
-- Functions that count and retry dead letters, and a view that summarizes dead letters
--

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
    'Internal: when a person changes the payload of a dead letter, keeps a copy of the payload that arrived.';
-- This trigger counts the unresolved dead letters that a person or retention deletes, so that heartbeat_audit_tables() stays
-- exact. The trigger also counts the readings in conflict of deleted messages, for the metric heartbeat_conflicts. For
-- heartbeat.dead_letter_limit, workers read the counters, and do not count the rows of dead letters. Messages in conflict have no
-- counter, so workers count the rows of these messages.
CREATE FUNCTION heartbeat_count_deleted() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_count_deleted() IS
    'Internal: adds the number of deleted unresolved dead letters to the counter in heartbeat_offsets, or in '
    'heartbeat_dropped_offsets if their source was dropped. If messages in conflict (CONFLICT) of a present source are deleted, '
    'adds the number of their readings in conflict to conflicts_deleted. If dead letters or messages in conflict are deleted, workers '
    'that stopped at heartbeat.dead_letter_limit try again.';
CREATE FUNCTION heartbeat_retry_dead_letters(error_code text DEFAULT NULL, topic text DEFAULT NULL,
                                             partition integer DEFAULT NULL,
                                             arrived_since timestamptz DEFAULT NULL,
                                             arrived_until timestamptz DEFAULT NULL, ids bigint[] DEFAULT NULL,
                                             replace boolean DEFAULT false, source text DEFAULT NULL,
                                             OUT resolved bigint, OUT remaining bigint, OUT remaining_errors jsonb)
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[], boolean, text) IS
    'Decodes unresolved dead letters again, each with the present mapping of its source. If the readings of a dead letter can be '
    'stored now, stores them and marks the dead letter as resolved. All this is in the transaction of the caller. The arguments '
    'restrict the retry: an error code, a topic, a Kafka partition, the time of arrival (arrived_since <= arrived_at < '
    'arrived_until), ids, a source. With replace, a reading in conflict (CONFLICT) replaces the stored reading of the same '
    'customer, time and device. Returns how many dead letters were resolved, how many remain, and the errors of the remaining dead '
    'letters as {"code": count}. Raises an error for a code that no dead letter can have, and for a source that never existed.';

-- The view shows no payloads, so roles without access to patients' data may read it.
CREATE VIEW heartbeat_dead_letter_summary WITH (security_barrier) AS
    SELECT e.error_code, e.dead_letters, e.first_arrived_at, e.last_arrived_at, l.id AS example_id,
           l.topic AS example_topic, l.partition AS example_partition, l."offset" AS example_offset,
           l.error_text AS example_error, e.source
    FROM (SELECT d.source, d.error_code, count(*) AS dead_letters, min(d.arrived_at) AS first_arrived_at,
                 max(d.arrived_at) AS last_arrived_at, max(d.id) AS newest
          FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL GROUP BY d.source, d.error_code) e
    JOIN heartbeat_dead_letters l ON l.id = e.newest
    ORDER BY e.dead_letters DESC, e.source, e.error_code;
COMMENT ON VIEW heartbeat_dead_letter_summary IS
    'One row for each source and error code of the unresolved dead letters: their number, the times of their arrival, and the '
    'newest dead letter. The row with the error code CONFLICT counts the messages with a reading in conflict.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.error_code IS 'The error of the last attempt.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.dead_letters IS 'Number of unresolved dead letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.first_arrived_at IS
    'When the first dead letter of this source and error code arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.last_arrived_at IS
    'When the last dead letter of this source and error code arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_id IS 'The id of the newest dead letter in heartbeat_dead_letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_topic IS 'Kafka topic of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_partition IS 'Kafka partition of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_offset IS 'Kafka offset of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_error IS 'Error text of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.source IS 'Name of the source, as in heartbeat_sources.';
