--
-- This function reads the messages of a time span again, while ingest continues
--

CREATE FUNCTION heartbeat_replay(from_time timestamptz, to_time timestamptz, only_partition integer DEFAULT NULL,
                                 source text DEFAULT NULL,
                                 OUT partition integer, OUT from_offset bigint, OUT to_offset bigint,
                                 OUT messages bigint, OUT records bigint, OUT anomalies bigint,
                                 OUT duplicates bigint, OUT dead_letters bigint, OUT source_name text,
                                 OUT conflicts bigint, OUT ignored bigint, OUT error text)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_replay(timestamptz, timestamptz, integer, text) IS
    'Reads messages of a source again, from all Kafka partitions or from the given Kafka partition, and stores the readings '
    'and dead letters that the tables lack, in the caller''s transaction. If the source is NULL and a partition is given, the '
    'function reads the source default. If the source and the partition are NULL, the function reads all sources. The replay '
    'begins with the first message whose Kafka timestamp is at or after from_time, and ends before the first message whose '
    'Kafka timestamp is at or after to_time. A second call stores nothing. Ingest continues, and its offsets do not change. '
    'The replay leaves out messages that ingest has not reached. The audits (heartbeat_audit() and heartbeat_audit_tables()) '
    'stay correct: the replay counts messages that a seek had skipped, but not the messages of deleted readings, because '
    'ingest has counted them already. An unresolved dead letter stays unresolved: see heartbeat_retry_dead_letters(). Raises '
    'an error if Kafka no longer holds the whole time span. Returns one row for each Kafka partition, with the numbers of '
    'messages (read, ignored), of readings (stored, duplicates, conflicts) and of new dead letters, and with the name of the '
    'source. If a replay of all sources cannot ask the cluster of a source, the function replays the other sources, and '
    'returns a row with the source and the error.';
