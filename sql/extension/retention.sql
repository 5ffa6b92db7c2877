--
-- Retention: these functions delete old rows
--

-- heartbeat_apply_retention() refers to the tables by oid, and passes the tables to this function as regclass.
CREATE FUNCTION heartbeat_remove_old(retention interval, records regclass, anomalies regclass, rollup regclass,
                                     records_default regclass, anomalies_default regclass, rollup_default regclass,
                                     rollup_pending regclass, gaps regclass, events regclass, alerts regclass,
                                     dead_letters regclass, control regclass,
                                     OUT partitions_dropped integer, OUT readings_deleted bigint, OUT dead_letters_deleted bigint)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cutoff timestamptz := date_trunc('minute', now() - retention); -- the cutoff is a full minute, because the rollup has full minutes
    kept_from timestamptz;
    old regclass[];
    one regclass;
    part regclass;
    old_letters bigint[];
    deleted bigint;
    obstacle text;
    attempt integer;
    deleted_from oid[] := ARRAY[records_default, anomalies_default, rollup_default, dead_letters];
    -- true if a role that is neither the owner nor a superuser has the right to create triggers on these tables
    others_may boolean := EXISTS (
        SELECT FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
        WHERE c.oid IN (records, anomalies, rollup, records_default, anomalies_default, rollup_default, dead_letters)
          AND a.privilege_type = 'TRIGGER' AND a.grantee <> c.relowner AND g.rolsuper IS NOT TRUE);
BEGIN
    partitions_dropped := 0;
    readings_deleted := 0;
    dead_letters_deleted := 0;
    IF retention = interval '0' THEN
        RETURN;
    END IF;
    -- The slow statements come first, because their locks do not conflict with the locks of a batch: ingest continues. These
    -- statements can wait for the rollup, or for another call of heartbeat_apply_retention().
    PERFORM set_config('lock_timeout', '30s', true);
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', gaps);
    EXECUTE format('LOCK TABLE ONLY %s, ONLY %s, ONLY %s, ONLY %s IN ROW EXCLUSIVE MODE', records_default, anomalies_default,
                   rollup_default, dead_letters); -- from here on no role can create a trigger on these tables
    obstacle := (
        SELECT o.code FROM (
            SELECT format('trigger %I on table %s', t.tgname, t.tgrelid::regclass)
            FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_roles r ON r.oid = f.proowner
            WHERE t.tgrelid = ANY (deleted_from) AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0
              -- This condition excludes the triggers of constraints. tgisinternal cannot replace this test: PostgreSQL 14 also
              -- sets this column for a trigger that a table partition has from its parent.
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't')
              -- A trigger with a condition (WHEN) is always an obstacle: the condition can call a function of a role that had the
              -- right TRIGGER earlier.
              AND (t.tgqual IS NOT NULL
                   OR NOT ((f.proowner = quote_ident(current_user)::regrole OR r.rolsuper) AND NOT others_may)
                   AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                                   WHERE d.classid = 'pg_proc'::regclass AND d.objid = t.tgfoid
                                     AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'))
            -- Another table can have a foreign key to one of these tables, for example with ON DELETE CASCADE. A DELETE below then
            -- also changes the other table. Before PostgreSQL 18, the AFTER triggers of the other table would run as the
            -- extension's owner.
            UNION ALL SELECT format('a trigger of table %s, for its foreign key %I', c.conrelid::regclass, c.conname)
            FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = ANY (deleted_from) AND c.confdeltype NOT IN ('a', 'r')
            UNION ALL SELECT format('rule %I on table %s', w.rulename, w.ev_class::regclass)
            FROM pg_rewrite w WHERE w.ev_class = ANY (deleted_from) AND w.ev_type = '4'
            UNION ALL SELECT format('code of role %s, the owner of table %s,', c.relowner::regrole, c.oid::regclass)
            FROM pg_class c WHERE c.oid = ANY (deleted_from) AND c.relowner <> quote_ident(current_user)::regrole) o (code)
        ORDER BY 1 LIMIT 1);
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION 'cannot delete rows older than %: % would run as the extension''s owner', retention, obstacle
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Drop the trigger, rule or foreign key, or create the trigger only for INSERT or UPDATE, or give the table back to the extension''s owner. '
                         'A trigger for DELETE must not have a condition (WHEN).';
    END IF;
    EXECUTE format('DELETE FROM %s WHERE event_timestamp < $1', records_default) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %s WHERE event_timestamp < $1', anomalies_default) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %s WHERE minute_bucket < $1', rollup_default) USING cutoff;
    old := ARRAY(
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN (records, anomalies, rollup)
          -- PostgreSQL can evaluate the conditions in any order. Without the CASE, PostgreSQL could try to read the bounds of
          -- other tables' partitions as times.
          AND substring(CASE WHEN i.inhparent IN (records, anomalies, rollup) THEN pg_get_expr(c.relpartbound, c.oid) END
                        FROM $bound$TO \('([^']+)'\)$bound$)::timestamptz <= cutoff
        ORDER BY c.relname);
    -- After this call no reading is older than kept_from. The table partition of the week that contains the cutoff is not dropped.
    -- So if this table partition exists, kept_from is the beginning of the week.
    kept_from := cutoff;
    IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
                    LATERAL (SELECT CASE WHEN i.inhparent = records THEN pg_get_expr(c.relpartbound, c.oid) END) b (text)
               WHERE i.inhparent = records AND b.text LIKE 'FOR VALUES FROM%'
                 AND coalesce((regexp_match(b.text, $x$FROM \('([^']+)'\)$x$))[1], '-infinity')::timestamptz <= cutoff
                 AND coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz > cutoff) THEN
        kept_from := date_trunc('week', cutoff);
    END IF;
    -- The sums of deleted readings become 0. Their rows stay, because the number of customers includes the customers of these
    -- rows.
    EXECUTE format('UPDATE %s SET sum_bpm = 0, reading_count = 0 WHERE minute_bucket < $1 AND reading_count > 0', rollup_pending)
        USING kept_from;
    EXECUTE format('DELETE FROM %s WHERE recorded_at < $1', gaps) USING cutoff;
    EXECUTE format('DELETE FROM %s WHERE happened_at < $1', events) USING cutoff;
    EXECUTE format('DELETE FROM %s WHERE closed_at < $1', alerts) USING cutoff;
    EXECUTE format('SELECT array_agg(id) FROM %s WHERE arrived_at < $1', dead_letters) INTO old_letters USING cutoff;
    -- The first lock on heartbeat_control waits for open transactions that write to this table, for example for a pause. No batch
    -- waits behind this lock. The second lock on heartbeat_control waits for the current batches, and new batches wait behind this
    -- lock. After these two locks, only a session that reads the tables, such as a dump, can delay the locks on the tables. Ingest
    -- waits during this delay, so these locks have a short timeout, and the loop tries again.
    PERFORM set_config('lock_timeout', '1s', true);
    attempt := 0;
    WHILE cardinality(old) > 0 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', control);
            EXECUTE format('LOCK TABLE %s IN EXCLUSIVE MODE', control);
            PERFORM set_config('lock_timeout', '10ms', true);
            EXECUTE format('LOCK TABLE ONLY %s, ONLY %s, ONLY %s, %s, %s, %s IN ACCESS EXCLUSIVE MODE',
                           records, anomalies, rollup, records_default, anomalies_default, rollup_default);
            BEGIN
                EXECUTE (SELECT 'DROP TABLE ' || string_agg(t::text, ', ') FROM unnest(old) t);
            EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR wrong_object_type THEN
                -- DROP TABLE fails if a view uses the table. Any role with USAGE on the schema can have created such a view. DROP
                -- TABLE also fails for a foreign table, or for a table of another owner. So the loop drops each table separately.
                -- If DROP TABLE fails for a table, the loop empties and detaches this table. If the table or one of its table
                -- partitions is a foreign table, or has another owner, the loop only detaches the table.
                FOREACH one IN ARRAY old LOOP
                    BEGIN
                        EXECUTE format('DROP TABLE %s', one);
                    EXCEPTION WHEN dependent_objects_still_exist OR insufficient_privilege OR wrong_object_type THEN
                        obstacle := SQLERRM;
                        IF EXISTS (SELECT FROM pg_partition_tree(one) p JOIN pg_class c ON c.oid = p.relid
                                   WHERE c.relkind = 'f' OR NOT pg_has_role(c.relowner, 'USAGE')) THEN
                            RAISE WARNING 'table % was detached, but could not be emptied and dropped', one
                                USING DETAIL = obstacle, HINT = 'Drop the table, or keep it as an archive.';
                        ELSE
                            RAISE WARNING 'table % was emptied and detached, but could not be dropped', one
                                USING DETAIL = 'Other objects depend on this table: ' || obstacle, HINT = 'Drop these objects and the table.';
                            FOR part IN SELECT p.relid FROM pg_partition_tree(one) p LOOP
                                EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', part);
                            END LOOP;
                            -- TRUNCATE comes before DETACH. After DETACH, a publication of all tables would publish a TRUNCATE of
                            -- a table that no subscriber has.
                            EXECUTE format('TRUNCATE %s', one);
                        END IF;
                        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s',
                                       (SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = one), one);
                    END;
                END LOOP;
            END;
            PERFORM set_config('lock_timeout', '1s', true);
            partitions_dropped := cardinality(old);
            EXIT;
        EXCEPTION WHEN lock_not_available OR deadlock_detected THEN
            attempt := attempt + 1;
            IF attempt = 10 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.1);
    END LOOP;
    -- this DELETE comes last: its trigger updates rows of heartbeat_offsets, and batches wait for these rows
    EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', dead_letters) USING old_letters;
    GET DIAGNOSTICS dead_letters_deleted = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION heartbeat_remove_old(interval, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass,
                                         regclass, regclass, regclass, regclass) IS
    'Internal: does the work of heartbeat_apply_retention(), with its tables by oid.';

CREATE FUNCTION heartbeat_record_retention(partitions_dropped integer, readings_deleted bigint, dead_letters_deleted bigint)
    RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_record_event('retention', 'older than ' || current_setting('heartbeat.retention'), jsonb_build_object(
            'partitions_dropped', partitions_dropped, 'readings_deleted', readings_deleted,
            'dead_letters_deleted', dead_letters_deleted))
        WHERE partitions_dropped + readings_deleted + dead_letters_deleted > 0;
END;
COMMENT ON FUNCTION heartbeat_record_retention(integer, bigint, bigint) IS
    'Internal: records the event of heartbeat_apply_retention(), if that function has deleted anything.';

CREATE FUNCTION heartbeat_apply_retention(OUT partitions_dropped integer, OUT readings_deleted bigint,
                                          OUT dead_letters_deleted bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    SELECT heartbeat_classify(0); -- loads the library, which defines heartbeat.retention
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_rollup_pending'::regclass, 'heartbeat_gaps'::regclass,
                                            'heartbeat_events'::regclass, 'heartbeat_alerts'::regclass]);
    SELECT heartbeat_own_changes(true); -- heartbeat_remove_old() also removes the old rollup, so no minute needs a mark
    SELECT r.partitions_dropped, r.readings_deleted, r.dead_letters_deleted
    FROM heartbeat_remove_old(current_setting('heartbeat.retention')::interval,
             'heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass,
             'heartbeat_records_default'::regclass, 'heartbeat_anomalies_default'::regclass, 'heartbeat_rollup_default'::regclass,
             'heartbeat_rollup_pending'::regclass, 'heartbeat_gaps'::regclass, 'heartbeat_events'::regclass,
             'heartbeat_alerts'::regclass, 'heartbeat_dead_letters'::regclass, 'heartbeat_control'::regclass) r,
         LATERAL heartbeat_own_changes(r.partitions_dropped < 0) ended,
         heartbeat_record_retention(r.partitions_dropped, r.readings_deleted, r.dead_letters_deleted) recorded;
END;
COMMENT ON FUNCTION heartbeat_apply_retention() IS
    'Drops the weekly table partitions that are wholly older than heartbeat.retention, and deletes older dead letters, gaps, '
    'events and closed alerts, and older readings in the default partitions. Does nothing if heartbeat.retention is 0. Waits up to '
    '30 seconds for the rollup, or for another call of this function. Fails with lock_not_available if other sessions read the '
    'tables for a whole second, or if a transaction that has called heartbeat_pause() or heartbeat_resume() stays open. If a '
    'table partition cannot be dropped, the function detaches it, with a WARNING. The maintenance worker calls the function '
    'hourly, and again ten seconds after a failure.';
