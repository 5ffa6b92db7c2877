--
-- Proving that every message was accounted for
--

CREATE FUNCTION heartbeat_audit(OUT topic text, OUT partition integer, OUT offsets_passed bigint, OUT records bigint,
                                OUT anomalies bigint, OUT duplicates bigint, OUT dead_letters bigint,
                                OUT empty_offsets bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.topic, o.partition, p.passed, o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           p.passed - (o.records + o.anomalies + o.duplicates + o.dead_letters + o.empty_offsets)
    FROM heartbeat_offsets o, LATERAL (SELECT o.next_offset - o.first_offset + o.rewound AS passed) p
    ORDER BY o.topic, o.partition;
END;
COMMENT ON FUNCTION heartbeat_audit() IS
    'Proves exactly-once for each partition: offsets passed = records + anomalies + duplicates + dead letters + empty '
    'offsets. A difference other than 0 is a reading lost or stored twice. It reads counters, not readings, so it is quick '
    'at any size; heartbeat_audit_tables() holds the counters against the tables.';

CREATE FUNCTION heartbeat_audit_tables(OUT table_name text, OUT counted bigint, OUT stored bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT t.table_name, t.counted, t.stored, t.stored - t.counted
    FROM (SELECT coalesce(sum(o.records), 0)::bigint AS records, coalesce(sum(o.anomalies), 0)::bigint AS anomalies,
                 coalesce(sum(o.dead_letters - o.dead_letters_deleted), 0)::bigint AS dead_letters
          FROM heartbeat_offsets o) c,
         LATERAL (VALUES
            ('heartbeat_records', c.records, (SELECT count(*) FROM heartbeat_records)),
            ('heartbeat_anomalies', c.anomalies, (SELECT count(*) FROM heartbeat_anomalies)),
            ('heartbeat_dead_letters', c.dead_letters,
             (SELECT count(*) FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL))
         ) AS t (table_name, counted, stored);
END;
COMMENT ON FUNCTION heartbeat_audit_tables() IS
    'Counts the rows of heartbeat_records, heartbeat_anomalies and (unresolved) heartbeat_dead_letters and holds them '
    'against what heartbeat_offsets says was stored. A difference above 0 is rows that no message made, one below 0 rows '
    'that were deleted: by heartbeat.retention, where that is set, or behind heartbeat''s back. Dead letters that are '
    'deleted are counted, and make none. It reads all rows.';
