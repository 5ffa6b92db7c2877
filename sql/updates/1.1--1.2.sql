-- heartbeat 1.1 to 1.2: makes of the old version what CREATE EXTENSION makes of the new one, object by object. Functions and
-- views are all made anew: whatever somebody else's objects had made of them is gone.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @begin@

-- Tables

CREATE INDEX ON heartbeat_stale_minutes (minute_bucket);
CREATE INDEX ON heartbeat_events (happened_at);
ALTER TABLE heartbeat_rollup_pending REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_stale_minutes REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_customers_total REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_gaps REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_offsets ADD COLUMN message_marks text COLLATE "C", ADD COLUMN truncated_to bigint;
COMMENT ON COLUMN heartbeat_offsets.message_marks IS
    'Up to 16 consumed messages, the last one at the end, each as offset:Kafka time in milliseconds:CRC-32 of key and value:leader '
    'epoch (-1: not known). They tell whether Kafka''s log is still the one that was read, and how far it was truncated.';
COMMENT ON COLUMN heartbeat_offsets.truncated_to IS
    'The lowest offset from which on Kafka''s log of the partition can be another one than was read, since it was found truncated; '
    'NULL: it was not. A seek or reset clears it.';
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT p.relid::regclass
                FROM unnest('{heartbeat_records, heartbeat_anomalies, heartbeat_rollup}'::regclass[]) t (parent), pg_partition_tree(t.parent) p
                JOIN pg_class c ON c.oid = p.relid
                WHERE (p.level = 0 OR p.level = 1 AND c.relkind = 'r') AND c.relreplident = 'd' AND pg_has_role(c.relowner, 'USAGE')
                ORDER BY p.level, p.relid LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', name);
    END LOOP;
END
$$;
COMMENT ON TABLE heartbeat_events IS
    'What people did (pause, resume, seek, replay, retry, retention) and what state heartbeat was in from then on (state), with '
    'when, who and why. What is undone leaves no row. Those of the last 7 days and the newest 10,000 are kept, none longer than heartbeat.retention.';
DROP INDEX heartbeat_records_default_event_timestamp_idx;
CREATE INDEX ON heartbeat_records_default (event_timestamp);
ALTER TABLE heartbeat_customers ADD COLUMN heard_until timestamptz;
ALTER TABLE heartbeat_customers SET (fillfactor = 80);
COMMENT ON COLUMN heartbeat_customers.heard_until IS
    'Until when the customer counts as heard, by the server''s clock: a reading had arrived up to a minute earlier. NULL: no '
    'reading has arrived since version 1.2.';

-- @tables/arrivals@
SELECT pg_extension_config_dump('heartbeat_arrivals', '');
REVOKE ALL ON heartbeat_arrivals FROM PUBLIC;
COMMENT ON COLUMN heartbeat_offsets.last_event IS
    'Latest event_timestamp stored from this partition; of a reading further ahead than heartbeat.max_clock_skew, when it was stored.';
COMMENT ON COLUMN heartbeat_alert_rules.kind IS
    'anomalies: a customer has threshold of them within period, by their event_timestamp, or by their arrival where that is '
    'further ahead than heartbeat.max_clock_skew. silence: of a customer heard in the last day nothing has arrived for period. lag: lag_messages is above threshold. dead_letters: more than threshold are '
    'unresolved. state: heartbeat_status has not been RUNNING for period.';
CREATE INDEX ON heartbeat_anomalies_default (ingested_at) WHERE event_timestamp > ingested_at;
DO $$
DECLARE
    week regclass;
BEGIN
    -- of those with readings of the last day, or of a time that has not come
    FOR week IN SELECT h.inhrelid::regclass
                FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'r',
                     LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b (text)
                WHERE h.inhparent = 'heartbeat_anomalies'::regclass AND b.text LIKE 'FOR VALUES FROM%'
                  AND coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz > now() - interval '2 days' LOOP
        EXECUTE format('CREATE INDEX ON %s (ingested_at) WHERE event_timestamp > ingested_at', week);
    END LOOP;
END
$$;

-- heartbeat_partition_states() gives more columns than in 1.1, so it is made anew. What looks at it does without it meanwhile.

SELECT set_config('heartbeat_building.readers', coalesce(string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', '), ''), true)
FROM pg_proc p, aclexplode(p.proacl) a
WHERE p.oid = 'heartbeat_partition_states()'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner;
CREATE OR REPLACE VIEW heartbeat_partitions AS
    SELECT o.topic, o.partition, o.next_offset, NULL::bigint AS high_watermark, NULL::bigint AS lag_messages, o.records, o.anomalies,
           o.duplicates, o.dead_letters, o.empty_offsets, NULL::integer AS worker_pid, o.last_message_at,
           NULL::double precision AS lag_seconds
    FROM heartbeat_offsets o;
CREATE OR REPLACE VIEW heartbeat_metrics AS
    SELECT NULL::text AS name, NULL::jsonb AS labels, NULL::double precision AS value, NULL::text AS type, NULL::text AS help,
           NULL::text AS family;
DROP FUNCTION heartbeat_partition_states();

-- @code@

DO $$
BEGIN
    IF NOT heartbeat_is_distributed() THEN
        CREATE TRIGGER heartbeat_records_changed BEFORE UPDATE OR DELETE ON heartbeat_records
            FOR EACH ROW EXECUTE FUNCTION heartbeat_mark_changed();
        CREATE TRIGGER heartbeat_records_truncated BEFORE TRUNCATE ON heartbeat_records
            FOR EACH STATEMENT EXECUTE FUNCTION heartbeat_mark_changed();
        PERFORM heartbeat_release_trigger(watched) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) watched;
    END IF;
END
$$;

-- Texts that 1.1 cut in the middle of a character, or stored as a broker sent them: clients refuse them, and so does the
-- server when a dump is restored.

CREATE FUNCTION heartbeat_mend_text(broken text) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT;
DO $$
DECLARE
    place record;
    broken boolean;
BEGIN
    FOR place IN
        SELECT t.name::regclass AS relation, t.column_name, t.mended
        FROM (VALUES ('heartbeat_events', 'reason', NULL), ('heartbeat_control', 'reason', NULL), ('heartbeat_gaps', 'reason', NULL),
                     ('heartbeat_offsets', 'lost_reason', NULL), ('heartbeat_offsets', 'cluster_id', NULL),
                     ('heartbeat_offsets', 'topic_id', NULL), ('heartbeat_dead_letters', 'error_text', NULL),
                     ('heartbeat_alerts', 'detail', $x$replace(heartbeat_mend_text(detail::text), E'\\x', E'\\\\x')::jsonb$x$)
             ) AS t (name, column_name, mended)
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %2$I::text <> heartbeat_mend_text(%2$I::text))', place.relation,
                       place.column_name) INTO broken;
        CONTINUE WHEN NOT broken;
        PERFORM heartbeat_refuse_user_code(ARRAY[place.relation]); -- a trigger would run as who updates the extension
        EXECUTE format('UPDATE %s SET %2$I = %3$s WHERE %2$I::text <> heartbeat_mend_text(%2$I::text)', place.relation,
                       place.column_name, coalesce(place.mended, format('heartbeat_mend_text(%I)', place.column_name)));
    END LOOP;
END
$$;
DROP FUNCTION heartbeat_mend_text(text);

-- What 1.1 had and 1.2 has no more

DROP FUNCTION heartbeat_add_partition_keys(text, text);
DROP FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text);
DROP FUNCTION heartbeat_heard(text[], timestamptz);
DROP FUNCTION heartbeat_use_summary(boolean);

-- Rights: of what is new, and for the roles that need it

REVOKE ALL ON heartbeat_maintenance FROM PUBLIC;
REVOKE ALL ON FUNCTION heartbeat_partition_states(), heartbeat_make_weeks(timestamptz, timestamptz, regclass[], text[], boolean), heartbeat_move_rows(regclass, regclass),
    heartbeat_drop_moved(regclass[]),
    heartbeat_remove_old(interval, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass,
                         regclass, regclass, regclass), heartbeat_record_retention(integer, bigint, bigint),
    heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, interval, text, text),
    heartbeat_heard(regclass, regclass, boolean, text[], timestamptz, timestamptz), heartbeat_move_arrivals(), heartbeat_take_arrivals(),
    heartbeat_find_heard(text), heartbeat_max_clock_skew(), heartbeat_is_spread(regclass),
    heartbeat_use_summary(boolean, regprocedure), heartbeat_lock_control(regclass), heartbeat_spread(integer), heartbeat_gather(),
    heartbeat_forget_offset(text, integer), heartbeat_refuse_user_code(regclass[]), heartbeat_notify(text, text), heartbeat_announcements_dropped(),
    heartbeat_store_event(text, text, jsonb, timestamptz), heartbeat_store_pause(text), heartbeat_store_resume(),
    heartbeat_update_alerts(text, boolean), heartbeat_unproven_partitions(regclass), heartbeat_surplus_rows(), heartbeat_own_extension(regrole), heartbeat_own_objects(regrole, regclass[]), heartbeat_set_owner(regrole),
    heartbeat_check_objects(), heartbeat_mark_changed(), heartbeat_own_changes(boolean), heartbeat_watch_truncates(regclass),
    heartbeat_release_trigger(regclass),
    heartbeat_mark_minutes(timestamptz, timestamptz), heartbeat_record_rebuild(timestamptz, timestamptz, bigint),
    heartbeat_rebuild_summary(timestamptz, timestamptz), heartbeat_ingest_state(), heartbeat_maintenance_duties() FROM PUBLIC;

-- heartbeat_metrics asks the new function as its reader does. The workers' role marks dead letters, and notes arrivals.
DO $$
DECLARE
    reader text;
    worker text;
BEGIN
    IF current_setting('heartbeat_building.readers') <> '' THEN
        EXECUTE 'GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_partition_states() TO '
                || current_setting('heartbeat_building.readers');
    END IF;
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_dead_letters'::regclass AND a.privilege_type = 'INSERT'
                    AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT UPDATE (resolved_at, error_code, error_text) ON heartbeat_building.heartbeat_dead_letters TO %s', worker);
    END LOOP;
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_rollup_pending'::regclass AND a.privilege_type = 'INSERT'
                    AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT INSERT ON heartbeat_building.heartbeat_arrivals TO %s', worker);
        EXECUTE format('GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_take_arrivals() TO %s', worker);
    END LOOP;
    FOR reader IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_proc p, aclexplode(p.proacl) a
                  WHERE p.oid = 'heartbeat_building.heartbeat_batch_times()'::regprocedure AND a.privilege_type = 'EXECUTE'
                    AND a.grantee <> p.proowner LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_announcements_dropped(),'
                       ' heartbeat_building.heartbeat_maintenance_duties() TO %s', reader);
    END LOOP;
END
$$;

-- The summary's text is another one where Citus has spread the tables.
SELECT heartbeat_use_summary(true, 'heartbeat_summarize_minute(timestamptz)'::regprocedure) WHERE heartbeat_is_distributed();

-- @finish@
