--
-- These functions replace the key of the table partitions of 1.x by the key of 2.0. The old key is (customer_id, event_timestamp),
-- so the old key allows only one reading of a customer for each time.
--

-- For each table partition, the function first builds the new key as a unique index, while queries continue. Then the function
-- replaces the old key by the new key, which takes only a moment. Ingest into the table partition waits from the start of the
-- build until the transaction ends. If a person has already created the index (CREATE UNIQUE INDEX CONCURRENTLY), ingest waits
-- only from the replacement on. In two cases the function builds no index in advance: it drops the old key and adds the new key.
-- Queries of this week then wait too, until the transaction ends. First case: other servers store the rows (`elsewhere`). Second
-- case: the owner has divided the table partition of a week into smaller partitions, and the divided table has the key. PostgreSQL
-- cannot make the key of a divided table from an index. The argument `weeks` limits the number of weeks in one call. A week counts
-- only if the function has replaced a key of this week.
CREATE FUNCTION heartbeat_widen_keys(parents regclass[], elsewhere boolean, weeks integer, OUT week timestamptz, OUT table_partition regclass)
    RETURNS SETOF record
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one record;
    new_key text;
    done integer := 0;
    is_counted boolean;
    remains regclass;
BEGIN
    FOR one IN
        SELECT c.oid::regclass AS keyed, c.relkind = 'p' AS is_divided, k.conname, b.starts_at
        FROM pg_inherits h JOIN pg_class w ON w.oid = h.inhrelid, LATERAL pg_partition_tree(h.inhrelid) p
        JOIN pg_class c ON c.oid = p.relid AND c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')
        JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype = 'p',
        -- PostgreSQL can evaluate the conditions in any order. Without the CASE, PostgreSQL could try to convert the bounds of the
        -- partitions of other tables to times.
        LATERAL (SELECT CASE WHEN h.inhparent = ANY (parents::oid[]) THEN coalesce((regexp_match(
                     pg_get_expr(w.relpartbound, w.oid), $x$FROM \('([^']+)'\)$x$))[1], '-infinity')::timestamptz END) b (starts_at)
        WHERE h.inhparent = ANY (parents::oid[])
          -- omits a partition that inherits the key from the table partition of its week: both get the new key together
          AND (k.conparentid = 0 OR c.oid = w.oid)
          AND cardinality(k.conkey) = 2
          AND (SELECT count(*) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum = ANY (k.conkey)
               AND a.attname IN ('customer_id', 'event_timestamp')) = 2
        ORDER BY b.starts_at, c.oid
    LOOP
        IF week IS DISTINCT FROM one.starts_at THEN
            EXIT WHEN done = weeks;
            is_counted := false;
        END IF;
        week := one.starts_at;
        table_partition := one.keyed;
        BEGIN
            IF NOT elsewhere THEN
                -- An interrupted REINDEX CONCURRENTLY may have left an invalid copy of the old key. Like the old key, this copy
                -- refuses readings of two devices with the same time.
                FOR remains IN SELECT i.indexrelid::regclass
                               FROM pg_partition_tree(one.keyed) p JOIN pg_index i ON i.indrelid = p.relid JOIN pg_class c ON c.oid = i.indexrelid
                               WHERE NOT i.indisvalid AND c.relname ~ '_cc(new|old)[0-9]*$' LOOP
                    EXECUTE format('DROP INDEX %s', remains);
                END LOOP;
            END IF;
            IF elsewhere OR one.is_divided THEN
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.keyed, one.conname);
                EXECUTE format('ALTER TABLE %s ADD CONSTRAINT %I PRIMARY KEY (customer_id, event_timestamp, device_id)', one.keyed, one.conname);
            ELSE
                new_key := (SELECT min(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
                            WHERE i.indrelid = one.keyed AND i.indisunique AND i.indisvalid AND NOT c.relispartition
                              AND pg_get_indexdef(c.oid) ~ ' USING btree \(customer_id, event_timestamp, device_id\)$'
                              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid));
                IF new_key IS NULL THEN
                    new_key := 'heartbeat_key_' || md5(random()::text);
                    EXECUTE format('CREATE UNIQUE INDEX %I ON %s (customer_id, event_timestamp, device_id)', new_key, one.keyed);
                END IF;
                EXECUTE format('ALTER TABLE %1$s DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I PRIMARY KEY USING INDEX %3$I', one.keyed, one.conname,
                               new_key);
            END IF;
            RETURN NEXT;
            IF NOT is_counted THEN
                is_counted := true;
                done := done + 1;
            END IF;
        EXCEPTION
            WHEN lock_not_available OR deadlock_detected OR dependent_objects_still_exist THEN
                RAISE WARNING 'table partition % keeps its key: %', one.keyed, SQLERRM USING HINT = 'Call heartbeat_upgrade_keys() again later.';
            WHEN invalid_table_definition OR insufficient_privilege THEN
                RAISE WARNING 'table partition % keeps its key: %', one.keyed, SQLERRM
                    USING HINT = 'Replace the primary key of this table yourself. The new key is (customer_id, event_timestamp, device_id).';
        END;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_widen_keys(regclass[], boolean, integer) IS
    'Internal: does the work of heartbeat_upgrade_keys(), on the tables with the given oids.';

CREATE FUNCTION heartbeat_upgrade_keys(weeks integer DEFAULT NULL, OUT week timestamptz, OUT table_partition regclass) RETURNS SETOF record
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO' SET lock_timeout = '10s'
    SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(coalesce(weeks >= 1, true), format('the number of weeks must be at least 1, not %s', weeks),
                             'invalid_parameter_value', 'NULL, the default, upgrades all weeks in one transaction.');
    WITH widened AS MATERIALIZED (
        SELECT array_agg(k.week) AS weeks, array_agg(k.table_partition) AS tables, count(*) AS number
        FROM heartbeat_widen_keys(ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass], heartbeat_rows_elsewhere(),
                                  heartbeat_upgrade_keys.weeks) k
    ), recorded AS MATERIALIZED (
        SELECT heartbeat_record_event('upgrade_keys', NULL, jsonb_build_object('table_partitions', w.number)) FROM widened w WHERE w.number > 0
    )
    SELECT u.week, u.table_partition FROM widened w, unnest(w.weeks, w.tables) u (week, table_partition)
    WHERE (SELECT count(*) FROM recorded) >= 0;
END;
COMMENT ON FUNCTION heartbeat_upgrade_keys(integer) IS
    'Gives table partitions of version 1.x the key (customer_id, event_timestamp, device_id), and returns these table '
    'partitions. The function begins with the oldest week. Before the upgrade, such a table partition can have only one '
    'reading of a customer for each time, so the reading of a second device becomes a dead letter with the code CONFLICT. The '
    'argument limits the number of weeks of this call; NULL: all weeks. Queries continue while the key is built, but ingest '
    'into the weeks of this call waits until the transaction ends. So while readings arrive, upgrade each week in a '
    'transaction of its own. If you have created a unique index on the columns of the new key, the function uses this index. '
    'If you have divided a week, and the week itself has the key, the function replaces the key of the week. Queries of this '
    'week then wait until the transaction ends. If the function waits longer than 10 seconds for a lock, or cannot replace a '
    'key, for example because another object depends on the old key, the function warns and skips the table partition.';
