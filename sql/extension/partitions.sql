--
-- Table partitions: heartbeat_records, heartbeat_anomalies and heartbeat_rollup each have one table partition for each week (from
-- Monday, UTC). Rows of a week without a table partition go to the default partition.
--

-- heartbeat_make_partitions() refers to the tables by oid, and passes the tables to other functions as regclass. If a table already
-- has a table partition whose range overlaps a week, the function creates no table partition of this table for the week. The name
-- and the owner of the existing table partition do not matter. If another table or type has the usual name, the new table partition
-- gets another name.
--
-- heartbeat_make_partitions() moves rows in three steps: DELETE from the default partition, ATTACH PARTITION of the week's table,
-- INSERT into this table. A publication of the parents needs this order. The DELETE must come before the INSERT: the unique key of
-- a subscriber's table refuses a second row of the same reading. ATTACH PARTITION must also come before the INSERT: otherwise
-- PostgreSQL would not publish the INSERT, and the subscriber would lose the rows.
CREATE FUNCTION heartbeat_move_rows(source regclass, target regclass) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_move_rows(regclass, regclass) IS
    'Internal: inserts the rows of one table into another table with the same columns, and returns the number of rows. No '
    'trigger fires, so the caller must own both tables.';

CREATE FUNCTION heartbeat_drop_moved(moved_rows regclass[]) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT u FROM unnest(moved_rows) u WHERE u IS NOT NULL LOOP
        EXECUTE format('DROP TABLE %s', one);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_drop_moved(regclass[]) IS
    'Internal: drops the tables whose rows heartbeat_make_partitions() has moved.';

-- This function does not call heartbeat_move_rows(), because PL/pgSQL looks up a function by name, and another role can create a
-- function with this name. Its caller has an SQL body, which refers to functions by oid, and passes each table of `moved_rows` to
-- heartbeat_move_rows(), with the week's table from `weeks`.
CREATE FUNCTION heartbeat_make_weeks(first_event timestamptz, last_event timestamptz, parents regclass[],
                                     time_columns text[], elsewhere boolean,
                                     OUT made integer, OUT moved_rows regclass[], OUT weeks regclass[], OUT copied regclass[])
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing record;
    schema name;
    name text;
    default_table regclass;
    new_table regclass;
    columns text;
    moving boolean;
    moved bigint;
    holder regclass; -- keeps the rows until the week's table is attached; unlogged, because no publication includes unlogged tables
    obstacle text;
    owner regrole;
    attempt integer;
    has_type boolean;
    -- true if a role that is neither the owner nor a superuser has the right to create triggers on these tables
    others_may boolean := EXISTS (
        SELECT FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
        WHERE (c.oid = ANY (parents::oid[]) OR c.oid IN (SELECT p.partdefid FROM pg_partitioned_table p WHERE p.partrelid = ANY (parents::oid[])))
          AND a.privilege_type = 'TRIGGER' AND a.grantee <> c.relowner AND g.rolsuper IS NOT TRUE);
BEGIN
    made := 0;
    moved_rows := '{}';
    weeks := '{}';
    copied := '{}';
    IF (first_event >= '0001-01-01 00:00:00+00' AND last_event <= first_event + interval '10 years') IS NOT TRUE THEN
        RAISE EXCEPTION 'cannot create table partitions from % to %', first_event, last_event USING ERRCODE = 'invalid_parameter_value';
    END IF;
    -- The loop takes a lock, which ANALYZE can delay for minutes. So the loop runs only if a table partition is missing.
    FOR missing IN
        WITH bounds AS MATERIALIZED (
            SELECT h.inhparent AS parent,
                   coalesce((regexp_match(b.text, $x$FROM \('([^']+)'\)$x$))[1], '-infinity')::timestamptz AS begin,
                   coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz AS end
            FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_partitioned_table t ON t.partrelid = h.inhparent,
                 -- pg_get_expr() would wait for sessions that create table partitions, because these sessions lock the default
                 -- partition. So the query does not call pg_get_expr() for the default partition.
                 LATERAL (SELECT CASE WHEN c.oid = t.partdefid THEN 'DEFAULT' ELSE pg_get_expr(c.relpartbound, c.oid) END) b (text)
            WHERE h.inhparent = ANY (parents::oid[]) AND b.text LIKE 'FOR VALUES FROM%')
        SELECT w.week, p.parent, p.number
        FROM generate_series(date_trunc('week', first_event), last_event, interval '7 days') w (week),
             unnest(parents) WITH ORDINALITY p (parent, number)
        WHERE NOT EXISTS (SELECT FROM bounds b WHERE b.parent = p.parent
                          AND b.begin < w.week + interval '7 days' AND b.end > w.week)
        ORDER BY w.week, p.number
    LOOP
        -- This lock lets only one session create table partitions. Readers and writers continue. The function does not lock the
        -- other table partitions, because VACUUM or REINDEX CONCURRENTLY can work on a table partition for hours.
        IF made = 0 THEN
            EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', parents[1]);
        END IF;
        -- another session can have created the table partition meanwhile
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_partitioned_table t ON t.partrelid = h.inhparent
            WHERE h.inhparent = missing.parent
              AND CASE WHEN c.oid = t.partdefid THEN false
                  ELSE pg_get_expr(c.relpartbound, c.oid) LIKE format('FOR VALUES FROM (%L)%%', missing.week) END);
        schema := (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = missing.parent);
        name := (SELECT c.relname FROM pg_class c WHERE c.oid = missing.parent) || to_char(missing.week, '_IYYY"w"IW');
        default_table := (SELECT p.partdefid FROM pg_partitioned_table p WHERE p.partrelid = missing.parent AND p.partdefid <> 0);
        FOR attempt IN 1 .. 4 LOOP
            BEGIN
                EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL)', schema, name, missing.parent);
                EXIT;
            EXCEPTION WHEN duplicate_table OR duplicate_object OR unique_violation THEN
                IF attempt = 4 THEN
                    RAISE;
                END IF;
                -- the name is random, so no role can have created a table of this name in advance
                name := left(name, 40) || '_' || left(md5(random()::text), 8);
            END;
        END LOOP;
        new_table := format('%I.%I', schema, name)::regclass;
        -- While this function waited for the lock, heartbeat_set_owner() may have changed the owner. This function still acts as
        -- the old owner, so it gives the new table to the new owner.
        owner := (SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = missing.parent);
        IF owner <> quote_ident(current_user)::regrole THEN
            EXECUTE format('ALTER TABLE %s OWNER TO %s', new_table, owner);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', new_table); -- the owner's default privileges may grant rights to PUBLIC
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', new_table); -- the parent has the same replica identity
        IF time_columns[missing.number] = 'minute_bucket' THEN
            EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (minute_bucket, customer_id)', new_table);
        ELSE
            EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp, device_id)', new_table);
            has_type := EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = new_table AND a.attname = 'anomaly_type' AND NOT a.attisdropped);
            IF has_type THEN -- an index for anomalies whose time is after their arrival
                EXECUTE format('CREATE INDEX ON %s (ingested_at) WHERE event_timestamp > ingested_at', new_table);
            END IF;
            EXECUTE format('CREATE INDEX ON %s %s', new_table, CASE
                WHEN has_type THEN '(event_timestamp)'
                -- other servers need autosummarize, because the maintenance worker summarizes only the indexes of this server
                ELSE 'USING brin (event_timestamp) WITH (pages_per_range = 16'
                     || CASE WHEN elsewhere THEN ', autosummarize = on)' ELSE ')' END END);
        END IF;
        -- If rows move, this function also locks the parent. Statements of other sessions wait for this lock. PostgreSQL then
        -- plans them again, so they find the rows in the new table partition.
        moved := 0;
        IF default_table IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L)',
                           default_table, time_columns[missing.number], missing.week, missing.week + interval '7 days') INTO moving;
            IF moving THEN
                EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', missing.parent);
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_table);
            obstacle := (
                SELECT string_agg(o.code, ', ') FROM (
                    SELECT format('trigger %I', t.tgname)
                    FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_roles r ON r.oid = f.proowner
                    WHERE t.tgrelid = default_table AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0
                      -- This condition excludes the triggers of constraints. tgisinternal cannot replace this test: PostgreSQL 14
                      -- also sets this column for a trigger that a table partition has from its parent.
                      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't')
                      -- A trigger with a condition (WHEN) is always an obstacle: the condition can call a function of a role that
                      -- had the right TRIGGER earlier.
                      AND (t.tgqual IS NOT NULL
                           OR NOT ((f.proowner = quote_ident(current_user)::regrole OR r.rolsuper) AND NOT others_may)
                           AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                                           WHERE d.classid = 'pg_proc'::regclass AND d.objid = t.tgfoid
                                             AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
                    -- Another table can have a foreign key to the default partition, for example with ON DELETE CASCADE. The
                    -- DELETE below then also changes the other table. Before PostgreSQL 18, the AFTER triggers of the other table
                    -- would run as the extension's owner.
                    UNION ALL SELECT format('a trigger of table %s, for its foreign key %I', c.conrelid::regclass, c.conname)
                    FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = default_table AND c.confdeltype NOT IN ('a', 'r')
                    UNION ALL SELECT format('rule %I', w.rulename)
                    FROM pg_rewrite w WHERE w.ev_class = default_table AND w.ev_type = '4'
                    UNION ALL SELECT format('code of role %s, the owner of the table,', c.relowner::regrole)
                    FROM pg_class c WHERE c.oid = default_table AND c.relowner <> quote_ident(current_user)::regrole) o (code));
            IF moving AND obstacle IS NOT NULL THEN
                RAISE EXCEPTION 'cannot move rows of table % to their week: % would run as the extension''s owner',
                    default_table, obstacle
                    USING ERRCODE = 'object_not_in_prerequisite_state',
                          HINT = 'Drop the trigger, rule or foreign key, or create the trigger only for INSERT: a move deletes the rows from the default partition. '
                                 'A trigger for DELETE must not have a condition (WHEN).';
            END IF;
            columns := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                        WHERE attrelid = missing.parent AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
            IF moving AND NOT elsewhere THEN
                name := 'heartbeat_moved_' || md5(random()::text);
                EXECUTE format('CREATE UNLOGGED TABLE %I.%I (LIKE %s INCLUDING GENERATED)', schema, name, new_table);
                holder := format('%I.%I', schema, name)::regclass;
            END IF;
            IF moving THEN
                EXECUTE format('INSERT INTO %6$s (%5$s) SELECT %5$s FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L', default_table,
                               time_columns[missing.number], missing.week, missing.week + interval '7 days', columns,
                               coalesce(holder, new_table));
                GET DIAGNOSTICS moved = ROW_COUNT;
            END IF;
            IF moved > 0 THEN
                EXECUTE format('DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L', default_table,
                               time_columns[missing.number], missing.week, missing.week + interval '7 days');
            END IF;
        END IF;
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                       missing.parent, new_table, missing.week, missing.week + interval '7 days');
        IF holder IS NOT NULL THEN
            moved_rows := moved_rows || holder;
            weeks := weeks || new_table;
            holder := NULL;
        END IF;
        IF elsewhere AND moved > 0 THEN -- ATTACH PARTITION has copied the rows to other servers, but has not removed them here
            copied := copied || new_table;
        END IF;
        made := made + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_make_weeks(timestamptz, timestamptz, regclass[], text[], boolean) IS
    'Internal: does the work of heartbeat_make_partitions(), with its tables by oid. Returns the number of created tables '
    '(made); the tables with rows that must still be moved (moved_rows), each with its week (weeks); and the created tables '
    'whose rows ATTACH PARTITION has copied to other servers (copied).';

-- This function can wait for the lock of a long query, for example of pg_dump. Other sessions then wait behind this function, so
-- lock_timeout ends its wait after a second.
CREATE FUNCTION heartbeat_make_partitions(first_event timestamptz, last_event timestamptz) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    SELECT heartbeat_require(first_event >= '0001-01-01 00:00:00+00'::timestamptz
                             AND last_event <= '9999-12-31 23:59:59.999999+00'::timestamptz,
                             format('cannot create table partitions from %s to %s'::text, coalesce(first_event::text, 'NULL'::text),
                                    coalesce(last_event::text, 'NULL'::text)), 'invalid_parameter_value'::text,
                             'Give two times in the years 1 to 9999, the earlier first.'::text);
    SELECT heartbeat_require(first_event <= last_event,
                             format('cannot create table partitions from %s to %s, which is earlier'::text, first_event, last_event),
                             'invalid_parameter_value'::text, 'Give the earlier time first.'::text);
    SELECT heartbeat_require(last_event <= first_event + interval '10 years',
                             format('cannot create table partitions from %s to %s: that is more than ten years'::text, first_event, last_event),
                             'invalid_parameter_value'::text,
                             'Create table partitions for the years that have readings. Other readings go to the default partitions.'::text);
    SELECT heartbeat_own_changes(true); -- a move marks no minutes, because the rollup already includes the moved readings
    -- Each item of FROM uses a result of the previous item. This makes PostgreSQL evaluate the items in this order.
    SELECT m.made FROM heartbeat_make_weeks(first_event, last_event,
            ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass],
            ARRAY['event_timestamp'::text, 'event_timestamp'::text, 'minute_bucket'::text], heartbeat_rows_elsewhere()) m,
        LATERAL (SELECT count(heartbeat_move_rows(u.holder, u.week)) FROM unnest(m.moved_rows, m.weeks) u (holder, week)) moved (tables),
        LATERAL heartbeat_drop_moved(CASE WHEN moved.tables >= 0 THEN m.moved_rows END) dropped,
        LATERAL heartbeat_free_copied(CASE WHEN moved.tables >= 0 THEN m.copied END) freed,
        LATERAL heartbeat_own_changes(moved.tables < 0) ended,
        LATERAL (SELECT count(heartbeat_release_trigger(w.watched))
                 FROM heartbeat_watch_truncates(CASE WHEN moved.tables >= 0 THEN 'heartbeat_records'::regclass END) w (watched)) released;
END;
COMMENT ON FUNCTION heartbeat_make_partitions(timestamptz, timestamptz) IS
    'Creates the weekly table partitions that readings between the two times need, moves readings of these weeks out of the '
    'default partitions, and returns the number of created tables. The maintenance worker calls the function before a week '
    'begins. An ingest worker calls the function before it stores readings of another week without a table partition. You can '
    'also call the function yourself. The function fails with lock_not_available if it waits longer than a second for a lock.';
