--
-- Reads a time span of the topic again, while ingest continues
--

CREATE FUNCTION heartbeat_replay(from_time timestamptz, to_time timestamptz, only_partition integer DEFAULT NULL,
                                 OUT partition integer, OUT from_offset bigint, OUT to_offset bigint,
                                 OUT messages bigint, OUT records bigint, OUT anomalies bigint,
                                 OUT duplicates bigint, OUT dead_letters bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_replay(timestamptz, timestamptz, integer) IS
    'Reads messages of heartbeat.topic again, from each partition''s (or the given one''s) first whose Kafka timestamp is '
    'at or after from_time to before its first at or after to_time, and stores the readings and dead letters that the '
    'tables do not have, in the caller''s transaction. Called again it stores nothing. Ingest goes on; positions stay as '
    'they are, and what ingest has not reached is left to it. heartbeat_audit() and heartbeat_audit_tables() account for '
    'it: rows that had been deleted and are back were counted when they were first stored, what a seek had skipped is '
    'counted now. An unresolved dead letter stays one: see heartbeat_retry_dead_letters(). An error where Kafka no longer '
    'holds all of the time. Shows what was read and stored, a row a partition.';
