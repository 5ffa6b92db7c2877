--
-- These functions change the offset at which ingest continues
--

CREATE FUNCTION heartbeat_move_offset(source text, topic text, partition integer, next_offset bigint, reason text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH moved AS (
        UPDATE heartbeat_offsets o
            SET next_offset = heartbeat_move_offset.next_offset,
                empty_offsets = o.empty_offsets + greatest(heartbeat_move_offset.next_offset - before.next_offset, 0),
                rewound = o.rewound + greatest(before.next_offset - heartbeat_move_offset.next_offset, 0),
                -- cluster_id and topic_id become NULL, so that the worker asks Kafka for these ids again. The other columns become
                -- NULL, because they describe the old position in Kafka's log.
                cluster_id = NULL, topic_id = NULL, lost_at = NULL, lost_reason = NULL, last_message_offset = NULL,
                message_marks = NULL, truncated_to = NULL,
                updated_at = now()
            FROM (SELECT s.source, s.topic, s.partition, s.next_offset FROM heartbeat_offsets s
                  WHERE s.source = heartbeat_move_offset.source AND s.topic = heartbeat_move_offset.topic
                    AND s.partition = heartbeat_move_offset.partition
                  FOR UPDATE) before
            WHERE o.source = before.source AND o.topic = before.topic AND o.partition = before.partition
            RETURNING o.source, o.topic, o.partition, before.next_offset AS previous
    ), begun AS (
        INSERT INTO heartbeat_offsets (source, topic, partition, next_offset, first_offset)
            SELECT heartbeat_move_offset.source, heartbeat_move_offset.topic, heartbeat_move_offset.partition,
                   heartbeat_move_offset.next_offset, heartbeat_move_offset.next_offset
            WHERE NOT EXISTS (SELECT FROM moved)
    ), skipped AS (
        INSERT INTO heartbeat_gaps (source, topic, partition, from_offset, to_offset, reason)
            SELECT m.source, m.topic, m.partition, m.previous, heartbeat_move_offset.next_offset, heartbeat_move_offset.reason
            FROM moved m WHERE heartbeat_move_offset.next_offset > m.previous
    )
    SELECT m.previous
    FROM (SELECT (SELECT previous FROM moved) AS previous) m,
         LATERAL heartbeat_record_event('seek', heartbeat_move_offset.reason, jsonb_build_object(
             'source', heartbeat_move_offset.source, 'topic', heartbeat_move_offset.topic, 'partition', heartbeat_move_offset.partition,
             'previous_offset', m.previous, 'next_offset', heartbeat_move_offset.next_offset)) recorded;
END;
COMMENT ON FUNCTION heartbeat_move_offset(text, text, integer, bigint, text) IS
    'Internal: changes the next offset of a Kafka partition of a source, records the skipped or repeated offsets, and returns '
    'the previous offset (NULL if none was stored).';

CREATE FUNCTION heartbeat_forget_offset(source text, topic text, partition integer) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(NOT EXISTS (SELECT FROM heartbeat_offsets o
                                         WHERE o.source = heartbeat_forget_offset.source AND o.topic = heartbeat_forget_offset.topic
                                           AND o.partition = heartbeat_forget_offset.partition
                                           AND o.messages::numeric + o.ignored + o.dead_letters > 0),
                             format('cannot remove the offset of partition %s of topic "%s": a worker has read the partition', partition, topic),
                             'object_not_in_prerequisite_state',
                             format('heartbeat_seek(%1$s, 0%2$s) begins at offset 0. heartbeat_seek(timestamptz, %1$s%2$s) begins at a time.',
                                    partition, (SELECT format(', %L', source) WHERE EXISTS (
                                                    SELECT FROM heartbeat_source_definitions d
                                                    WHERE d.dropped_at IS NULL AND d.name <> 'default'))));
    WITH forgotten AS (
        DELETE FROM heartbeat_offsets o
            WHERE o.source = heartbeat_forget_offset.source AND o.topic = heartbeat_forget_offset.topic
              AND o.partition = heartbeat_forget_offset.partition
            RETURNING o.next_offset
    ), gaps AS (
        DELETE FROM heartbeat_gaps g
            WHERE g.source = heartbeat_forget_offset.source AND g.topic = heartbeat_forget_offset.topic
              AND g.partition = heartbeat_forget_offset.partition
    )
    SELECT f.next_offset
    FROM (SELECT (SELECT next_offset FROM forgotten) AS next_offset) f,
         LATERAL heartbeat_record_event('seek', 'heartbeat_seek removed the offset', jsonb_build_object(
             'source', heartbeat_forget_offset.source, 'topic', heartbeat_forget_offset.topic, 'partition', heartbeat_forget_offset.partition,
             'previous_offset', f.next_offset, 'next_offset', NULL)) recorded;
END;
COMMENT ON FUNCTION heartbeat_forget_offset(text, text, integer) IS
    'Internal: removes the stored offset of a Kafka partition that no worker has read, and returns this offset (NULL if none was '
    'stored).';

-- A worker reads the stored offsets when a pause ends. If the pause ended before the commit of a seek, the worker would read the
-- old offset. So the pause must last until the seek commits.
CREATE FUNCTION heartbeat_require_pause(source text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT FROM heartbeat_source_definitions d
    WHERE d.dropped_at IS NULL AND d.name = coalesce(heartbeat_require_pause.source, d.name)
    ORDER BY d.source_id FOR KEY SHARE;
    SELECT FROM heartbeat_control c
    WHERE c.paused AND (heartbeat_require_pause.source IS NULL OR c.source IN ('', heartbeat_require_pause.source))
    ORDER BY c.source FOR SHARE;
    SELECT heartbeat_require(NOT EXISTS (
                                 SELECT FROM heartbeat_source_definitions d
                                 WHERE d.dropped_at IS NULL AND d.name = coalesce(heartbeat_require_pause.source, d.name)
                                   AND NOT EXISTS (SELECT FROM heartbeat_control c WHERE c.paused AND c.source IN ('', d.name))),
                             'heartbeat_seek needs ' || coalesce('source "' || one.name || '"', 'ingest') || ' to be paused',
                             'object_not_in_prerequisite_state',
                             format('Call heartbeat_pause(%s) first and heartbeat_resume(%s) afterwards.',
                                    'source => ' || quote_literal(one.name), quote_literal(one.name)))
    -- If `default` is the only source, the message and the hint do not name the source.
    FROM (SELECT CASE WHEN EXISTS (SELECT FROM heartbeat_source_definitions d WHERE d.dropped_at IS NULL AND d.name <> 'default')
                      THEN heartbeat_require_pause.source END AS name) one;
END;
COMMENT ON FUNCTION heartbeat_require_pause(text) IS
    'Internal: raises an error if the source is not paused. With NULL, all sources must be paused. No other session can end '
    'the pause until the transaction ends.';

CREATE FUNCTION heartbeat_check_offset(source text, partition integer, next_offset bigint) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_check_offset(text, integer, bigint) IS
    'Internal: raises an error if Kafka does not hold the offset. The error names the offsets that Kafka holds. Raises a notice '
    'if Kafka does not answer.';

CREATE FUNCTION heartbeat_seek(partition integer, next_offset bigint, source text DEFAULT NULL,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require(partition >= 0 AND coalesce(next_offset BETWEEN 0 AND 1000000000000000, true),
                             format('heartbeat_seek needs a partition from 0 and an offset from 0 to 1000000000000000, not (%s, %s)',
                                    coalesce(partition::text, 'NULL'), coalesce(next_offset::text, 'NULL')),
                             'invalid_parameter_value', 'heartbeat_partitions shows the partitions with their offsets.');
    SELECT heartbeat_require_source(coalesce(heartbeat_seek.source, 'default'));
    SELECT heartbeat_require_pause(coalesce(heartbeat_seek.source, 'default'));
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_offsets'::regclass, 'heartbeat_gaps'::regclass]);
    SELECT heartbeat_wake_workers(); -- loads the library, which defines heartbeat.topic
    SELECT heartbeat_check_offset(coalesce(heartbeat_seek.source, 'default'), partition, next_offset);
    SELECT s.topic, heartbeat_seek.partition,
           CASE WHEN heartbeat_seek.next_offset IS NULL THEN heartbeat_forget_offset(s.name, s.topic, heartbeat_seek.partition)
                ELSE heartbeat_move_offset(s.name, s.topic, heartbeat_seek.partition, heartbeat_seek.next_offset,
                                           'heartbeat_seek to an offset') END,
           heartbeat_seek.next_offset
    FROM (SELECT n.name, heartbeat_topic_of(n.name) AS topic FROM (SELECT coalesce(heartbeat_seek.source, 'default') AS name) n) s;
END;
COMMENT ON FUNCTION heartbeat_seek(integer, bigint, text) IS
    'Sets the offset (0 to 10^15) that ingest reads next from a Kafka partition of a source (NULL: of the source default). If '
    'the new offset is lower than the previous offset, ingest reads messages again, and readings that are already stored count '
    'as duplicates. If the new offset is higher, ingest skips messages, and heartbeat_gaps records their offsets. The source '
    'must be paused. The function refuses a partition or an offset that Kafka does not hold. If Kafka does not answer or does '
    'not have the topic yet, the function accepts the offset with a notice. The offset NULL removes the stored offset of a '
    'partition that no worker has read. Returns the previous offset and the new offset.';

CREATE FUNCTION heartbeat_kafka_offsets(kafka_time timestamptz, only_partition integer DEFAULT NULL, source text DEFAULT NULL,
                                        OUT partition integer, OUT next_offset bigint)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_kafka_offsets(timestamptz, integer, text) IS
    'Asks Kafka for the offset of the first message whose Kafka timestamp is at or after the given time. Asks for the given '
    'Kafka partition of the source, or for each partition. If the source is NULL, the function uses the source default. For a '
    'partition without such a message, returns the end offset.';

-- A caller may fetch only one row of the result. The last query sorts its rows, so it must first read all rows, and the function
-- changes the offsets of all Kafka partitions.
CREATE FUNCTION heartbeat_seek(kafka_time timestamptz, partition integer DEFAULT NULL, source text DEFAULT NULL,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint, OUT source_name text)
    RETURNS SETOF record
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require(isfinite(kafka_time),
                             'heartbeat_seek needs a finite time, not ' || coalesce(kafka_time::text, 'NULL'),
                             'invalid_parameter_value', 'heartbeat_seek() compares the time with the Kafka timestamps of the messages.');
    SELECT heartbeat_require_source(heartbeat_seek.source);
    SELECT heartbeat_require_pause(coalesce(heartbeat_seek.source, CASE WHEN heartbeat_seek.partition IS NOT NULL THEN 'default' END));
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_offsets'::regclass, 'heartbeat_gaps'::regclass]);
    SELECT heartbeat_wake_workers(); -- loads the library, which defines heartbeat.topic
    WITH moved AS MATERIALIZED (
        SELECT s.name, s.topic, k.partition, k.next_offset,
               heartbeat_move_offset(s.name, s.topic, k.partition, k.next_offset, 'heartbeat_seek to ' || kafka_time::text) AS previous
        FROM (SELECT d.name, heartbeat_topic_of(d.name) AS topic FROM heartbeat_source_definitions d
              WHERE d.dropped_at IS NULL
                AND d.name = coalesce(heartbeat_seek.source, CASE WHEN heartbeat_seek.partition IS NOT NULL THEN 'default' END, d.name)) s,
             LATERAL heartbeat_kafka_offsets(kafka_time, heartbeat_seek.partition, s.name) k
    )
    SELECT m.topic, m.partition, m.previous, m.next_offset, m.name FROM moved m ORDER BY m.name, m.partition;
END;
COMMENT ON FUNCTION heartbeat_seek(timestamptz, integer, text) IS
    'Sets the next offset of one Kafka partition, or of all partitions, to the first message whose Kafka timestamp is at or '
    'after the given time. If the source is NULL and a partition is given, the function seeks in the source default. If the '
    'source and the partition are NULL, the function seeks in all sources. The sources must be paused. Returns the previous '
    'offset and the new offset of each partition, and the name of its source.';
