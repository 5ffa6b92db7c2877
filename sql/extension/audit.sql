--
-- These functions prove that heartbeat has stored or counted every message
--

CREATE FUNCTION heartbeat_audit(OUT source text, OUT topic text, OUT partition integer, OUT offsets_passed bigint,
                                OUT messages bigint, OUT ignored bigint, OUT dead_letters bigint, OUT empty_offsets bigint,
                                OUT readings bigint, OUT records bigint, OUT anomalies bigint, OUT duplicates bigint,
                                OUT conflicts bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    -- A sum can be too large or too small for bigint. So the query calculates with the type numeric, and returns the nearest
    -- bigint.
    SELECT o.source, o.topic, o.partition, least(p.passed, 9223372036854775807)::bigint, o.messages, o.ignored, o.dead_letters,
           o.empty_offsets, o.readings, o.records, o.anomalies, o.duplicates, o.conflicts,
           greatest(least(CASE WHEN d.of_offsets <> 0 THEN d.of_offsets ELSE d.of_readings END, 9223372036854775807),
                    -9223372036854775808)::bigint
    FROM heartbeat_offsets o,
         LATERAL (SELECT o.next_offset::numeric - o.first_offset + o.rewound AS passed) p,
         LATERAL (SELECT p.passed - (o.messages::numeric + o.ignored + o.dead_letters + o.empty_offsets) AS of_offsets,
                         o.readings - (o.records::numeric + o.anomalies + o.duplicates + o.conflicts) AS of_readings) d
    ORDER BY o.source, o.topic, o.partition;
END;
COMMENT ON FUNCTION heartbeat_audit() IS
    'Returns one row for each Kafka partition of each source. The row proves that heartbeat has stored or counted each message '
    'of the partition, and each reading of these messages, exactly once. There are two equations: offsets passed = messages + '
    'ignored + dead letters + empty offsets, and readings = records + anomalies + duplicates + conflicts. The column '
    'difference is 0 only if both equations are true. Otherwise a message or a reading was lost or stored twice. The function '
    'reads only counters, so it is quick even if the tables are large. heartbeat_audit_tables() compares the counters with the '
    'tables.';

-- Returns the table partitions in which heartbeat_surplus_rows() must search for readings that are stored twice. If a table
-- partition is directly below the parent and has a unique key on customer, time and device, no search is necessary. The key
-- refuses a second row of a reading, and no other table partition accepts the time of this reading. A unique key on only customer
-- and time, as in the table partitions of 1.x, is also sufficient.
CREATE FUNCTION heartbeat_unproven_partitions(parent regclass, OUT partition oid, OUT keyed boolean) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.relid::oid, k.keyed
    FROM pg_partition_tree(parent) p JOIN pg_class c ON c.oid = p.relid::oid,
         LATERAL (SELECT c.relkind = 'r' AND EXISTS (
             SELECT FROM pg_index x
             WHERE x.indrelid = c.oid AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
               AND (SELECT count(*) FILTER (WHERE a.attname IN ('customer_id', 'event_timestamp')) = 2
                       AND count(*) FILTER (WHERE a.attname NOT IN ('customer_id', 'event_timestamp', 'device_id')) = 0
                       AND count(a.attname) = x.indnkeyatts
                    FROM generate_series(0, x.indnkeyatts - 1) n (place) LEFT JOIN pg_attribute a
                        ON a.attrelid = c.oid AND a.attnum = x.indkey[n.place])) AS keyed) k
    WHERE p.isleaf AND NOT (p.level = 1 AND k.keyed);
END;
COMMENT ON FUNCTION heartbeat_unproven_partitions(regclass) IS
    'Internal: returns those table partitions of heartbeat_records or heartbeat_anomalies that can have a reading twice, or a '
    'reading that belongs to another table partition. The column keyed is true if the table partition has a unique key on '
    'customer, time and device, or on customer and time.';

-- A surplus row is a second row of a reading, or a reading in a wrong table partition. PostgreSQL searches only the table
-- partition whose bounds include the reading's time. So no query finds a reading in a wrong table partition, and a replay stores
-- the reading again. The function looks for readings in a wrong table partition only if each searched table partition has a unique
-- key. Without a key, the search for each reading would be slow.
CREATE FUNCTION heartbeat_surplus_rows(OUT records bigint, OUT anomalies bigint)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_partition_pruning = on SET jit = off
BEGIN ATOMIC
    SELECT (SELECT count(*) FROM heartbeat_records r
            WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u)))
         - (SELECT count(*) FROM (
                SELECT DISTINCT r.customer_id, r.event_timestamp, r.device_id FROM heartbeat_records r
                WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u))
                  AND CASE WHEN (SELECT bool_and(u.keyed) FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u)
                      THEN EXISTS (SELECT FROM heartbeat_records f
                                   WHERE f.customer_id = r.customer_id AND f.event_timestamp = r.event_timestamp AND f.device_id = r.device_id
                                     AND f.heart_rate = r.heart_rate AND f.id = r.id AND f.ingested_at = r.ingested_at
                                     AND f.tableoid = r.tableoid OFFSET 0)
                      ELSE true END) s),
           (SELECT count(*) FROM heartbeat_anomalies r
            WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u)))
         - (SELECT count(*) FROM (
                SELECT DISTINCT r.customer_id, r.event_timestamp, r.device_id FROM heartbeat_anomalies r
                WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u))
                  AND CASE WHEN (SELECT bool_and(u.keyed) FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u)
                      THEN EXISTS (SELECT FROM heartbeat_anomalies f
                                   WHERE f.customer_id = r.customer_id AND f.event_timestamp = r.event_timestamp AND f.device_id = r.device_id
                                     AND f.heart_rate = r.heart_rate AND f.id = r.id AND f.ingested_at = r.ingested_at
                                     AND f.anomaly_type = r.anomaly_type AND f.tableoid = r.tableoid OFFSET 0)
                      ELSE true END) s);
END;
COMMENT ON FUNCTION heartbeat_surplus_rows() IS
    'Internal: returns how many rows of heartbeat_records and heartbeat_anomalies repeat a reading, or are in a table '
    'partition in which queries do not find them.';

CREATE FUNCTION heartbeat_audit_tables(OUT table_name text, OUT counted bigint, OUT stored bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT t.table_name, t.counted, p.stored,
           greatest(least(p.stored::numeric - t.counted, 9223372036854775807), -9223372036854775808)::bigint
    FROM (SELECT least(coalesce(sum(o.records), 0), 9223372036854775807)::bigint AS records,
                 least(coalesce(sum(o.anomalies), 0), 9223372036854775807)::bigint AS anomalies,
                 greatest(least(coalesce(sum(o.dead_letters - o.dead_letters_deleted), 0), 9223372036854775807),
                          -9223372036854775808)::bigint AS dead_letters
          FROM (SELECT p.records::numeric, p.anomalies::numeric, p.dead_letters::numeric, p.dead_letters_deleted::numeric
                FROM heartbeat_offsets p
                UNION ALL
                SELECT p.records, p.bradycardia::numeric + p.tachycardia + p.invalid, p.dead_letters, p.dead_letters_deleted
                FROM heartbeat_dropped_offsets p) o) c,
         LATERAL (VALUES
            ('heartbeat_records', c.records, (SELECT count(*) FROM heartbeat_records)),
            ('heartbeat_anomalies', c.anomalies, (SELECT count(*) FROM heartbeat_anomalies)),
            ('heartbeat_dead_letters', c.dead_letters,
             (SELECT count(*) FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL AND d.error_code <> 'CONFLICT'))
         ) AS t (table_name, counted, rows),
         -- If heartbeat has stored a message twice, it has also counted the message twice, so the number of rows agrees with the
         -- counter. So if these two numbers agree, this subquery also searches for surplus rows. Each EXISTS selects a column: the
         -- rows can be on other servers, which cannot send the result of a subquery without columns.
         LATERAL (SELECT t.rows - CASE
             WHEN t.rows <> t.counted THEN 0
             WHEN t.table_name = 'heartbeat_records'
                  AND EXISTS (SELECT true FROM heartbeat_unproven_partitions('heartbeat_records'::regclass))
                 THEN (SELECT s.records FROM heartbeat_surplus_rows() s)
             WHEN t.table_name = 'heartbeat_anomalies'
                  AND EXISTS (SELECT true FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass))
                 THEN (SELECT s.anomalies FROM heartbeat_surplus_rows() s)
             ELSE 0 END AS stored) p;
END;
COMMENT ON FUNCTION heartbeat_audit_tables() IS
    'Counts the rows of heartbeat_records and of heartbeat_anomalies, and the unresolved rows of heartbeat_dead_letters except '
    'the rows with the code CONFLICT. For each of these tables it compares the number of rows with the counters of all '
    'sources, also of dropped sources. If the number of rows agrees with the counters, the function also searches for readings '
    'that are stored twice or in the wrong table partition, and does not count these rows. A difference above 0 means that '
    'there are rows without a message. A difference below 0 has two possible causes. First cause: rows were deleted, by '
    'heartbeat.retention or by hand. Deleted dead letters are not a cause, because heartbeat counts them. Second cause: '
    'readings are stored twice or in the wrong table partition, which is possible if a person has changed the partitions. The '
    'function reads all rows.';
