--
-- These functions keep the summary exact when a person changes readings
--

-- The trigger for UPDATE and DELETE is a row trigger, because PostgreSQL copies a row trigger to each table partition. There is no
-- trigger for INSERT, because it would slow down COPY and each restore.
CREATE FUNCTION heartbeat_mark_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_mark_changed() IS
    'Internal: marks the minutes of readings that are updated, deleted or truncated. The function acts as the extension''s owner, '
    'so the role that changes readings needs no right on heartbeat_stale_minutes.';

CREATE FUNCTION heartbeat_own_changes(begins boolean) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_own_changes(boolean) IS
    'Internal: heartbeat calls this function with true before it moves or deletes readings itself. After that, '
    'heartbeat_mark_changed() marks no minutes, until a call with false or an error.';

CREATE FUNCTION heartbeat_release_trigger(table_partition regclass) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_release_trigger(regclass) IS
    'Internal: makes PostgreSQL drop the TRUNCATE trigger of a table partition together with the extension. Otherwise the '
    'trigger of a detached partition would prevent DROP EXTENSION.';

-- PostgreSQL copies the row trigger to each table partition, but not the trigger for TRUNCATE. So heartbeat_watch_truncates()
-- creates the trigger for TRUNCATE on each table partition.
CREATE FUNCTION heartbeat_watch_changes(records regclass, mark_changed regprocedure) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER heartbeat_records_changed BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s',
                   records, mark_changed);
    EXECUTE format('CREATE TRIGGER heartbeat_records_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s',
                   records, mark_changed);
END
$$;
COMMENT ON FUNCTION heartbeat_watch_changes(regclass, regprocedure) IS
    'Internal: creates the triggers of heartbeat_records that call heartbeat_mark_changed().';

-- If another session uses a table, this call does not create the table's trigger, and the next call tries again. This function
-- does not call heartbeat_release_trigger(), because PL/pgSQL looks up a function by name, and another role can create a function
-- with this name. The function returns the tables. Its caller has an SQL body, which refers to functions by oid, and passes the
-- tables to heartbeat_release_trigger().
CREATE FUNCTION heartbeat_watch_truncates(records regclass) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure := (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = records AND t.tgname = 'heartbeat_records_truncated');
    timeout text := current_setting('lock_timeout');
    one regclass;
BEGIN
    IF function IS NULL THEN -- other servers have the rows, so the table allows no triggers
        RETURN;
    END IF;
    FOR one IN
        WITH RECURSIVE below AS (
            SELECT h.inhrelid FROM pg_inherits h WHERE h.inhparent = records
            UNION ALL SELECT h.inhrelid FROM below b JOIN pg_inherits h ON h.inhparent = b.inhrelid)
        SELECT c.oid FROM below b JOIN pg_class c ON c.oid = b.inhrelid
        WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = function AND t.tgtype & 32 <> 0)
        ORDER BY c.oid
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '50ms', true);
            EXECUTE format('CREATE TRIGGER heartbeat_records_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s',
                           one, function);
            RETURN NEXT one;
        EXCEPTION WHEN lock_not_available OR duplicate_object THEN
            NULL;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', timeout, true);
END
$$;
COMMENT ON FUNCTION heartbeat_watch_truncates(regclass) IS
    'Internal: creates the TRUNCATE trigger on the table partitions of heartbeat_records that lack it, and returns these '
    'partitions.';

-- The language is PL/pgSQL, because the rows of heartbeat_records can be on other servers. A query of rows on other servers cannot
-- use the parameters of an SQL function.
CREATE FUNCTION heartbeat_minutes_between(records regclass, rollup regclass, pending regclass, from_time timestamptz, to_time timestamptz)
    RETURNS SETOF timestamptz
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT m.minute_bucket FROM ('
        'SELECT r.minute_bucket FROM %2$s r'
        ' UNION SELECT p.minute_bucket FROM %3$s p WHERE p.reading_count > 0'
        ' UNION SELECT date_trunc(''minute'', h.event_timestamp, ''UTC'') FROM %1$s h'
        ' WHERE h.event_timestamp >= date_trunc(''minute'', $1, ''UTC'') AND h.event_timestamp < $2) m'
        ' WHERE m.minute_bucket >= date_trunc(''minute'', $1, ''UTC'') AND m.minute_bucket < $2 AND isfinite(m.minute_bucket)',
        records, rollup, pending) USING from_time, to_time;
END
$$;
COMMENT ON FUNCTION heartbeat_minutes_between(regclass, regclass, regclass, timestamptz, timestamptz) IS
    'Internal: returns the minutes that have readings or a rollup, from from_time (included) to to_time (not included).';

CREATE FUNCTION heartbeat_mark_minutes(from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH marked AS (
        INSERT INTO heartbeat_stale_minutes (minute_bucket)
        SELECT m.minute_bucket
        FROM heartbeat_minutes_between('heartbeat_records'::regclass, 'heartbeat_rollup'::regclass, 'heartbeat_rollup_pending'::regclass,
                                       from_time, to_time) m (minute_bucket)
        RETURNING 1
    )
    SELECT count(*) FROM marked;
END;
COMMENT ON FUNCTION heartbeat_mark_minutes(timestamptz, timestamptz) IS
    'Internal: does the work of heartbeat_rebuild_summary() after its checks.';

CREATE FUNCTION heartbeat_record_rebuild(from_time timestamptz, to_time timestamptz, minutes bigint) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_record_event('rebuild', NULL, jsonb_build_object('from', from_time, 'to', to_time, 'minutes', minutes));
    SELECT heartbeat_wake_workers();
    SELECT minutes;
END;
COMMENT ON FUNCTION heartbeat_record_rebuild(timestamptz, timestamptz, bigint) IS
    'Internal: records the event of heartbeat_rebuild_summary().';

CREATE FUNCTION heartbeat_rebuild_summary(from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC'
BEGIN ATOMIC
    SELECT heartbeat_require(from_time < to_time,
                             format('cannot rebuild the summary from %s to %s', coalesce(from_time::text, 'NULL'),
                                    coalesce(to_time::text, 'NULL')),
                             'invalid_parameter_value', 'Give two times, the earlier first. -infinity and infinity rebuild all of it.');
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_stale_minutes'::regclass, 'heartbeat_events'::regclass]);
    SELECT heartbeat_record_rebuild(from_time, to_time, m.minutes) FROM heartbeat_mark_minutes(from_time, to_time) m (minutes);
END;
COMMENT ON FUNCTION heartbeat_rebuild_summary(timestamptz, timestamptz) IS
    'Marks the minutes of vw_customer_bpm_summary from from_time (included) to to_time (not included), and returns the number of '
    'marked minutes. The maintenance worker then rebuilds these minutes from the readings. The view is exact as soon as the call '
    'commits, because the view computes marked minutes from the readings. Call the function after changes that no trigger sees: '
    'COPY or INSERT of readings, changes in a session with session_replication_role = replica, and attaching or detaching a table '
    'partition.';
