-- heartbeat 1.1 to 1.2: changes the old version into the extension that CREATE EXTENSION creates, object by object. It replaces all
-- functions and views. So no function or view uses an object of another role any more, even if 1.1 used such an object by mistake.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @distributed_begin@

-- @begin@

-- Tables

CREATE INDEX ON heartbeat_stale_minutes (minute_bucket);
CREATE INDEX ON heartbeat_events (happened_at);
ALTER TABLE heartbeat_rollup_pending REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_stale_minutes REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_customers_total REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_gaps REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_offsets ADD COLUMN message_marks text COLLATE "C", ADD COLUMN truncated_to bigint;
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
DROP INDEX heartbeat_records_default_event_timestamp_idx;
CREATE INDEX ON heartbeat_records_default (event_timestamp);
ALTER TABLE heartbeat_customers ADD COLUMN heard_until timestamptz;
ALTER TABLE heartbeat_customers SET (fillfactor = 80);

-- @tables/arrivals@
SELECT pg_extension_config_dump('heartbeat_arrivals', '');
-- @comments@
CREATE INDEX ON heartbeat_anomalies_default (ingested_at) WHERE event_timestamp > ingested_at;
DO $$
DECLARE
    week regclass;
BEGIN
    -- for the table partitions with readings of the last day, or of the future
    FOR week IN SELECT h.inhrelid::regclass
                FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'r',
                     LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b (text)
                WHERE h.inhparent = 'heartbeat_anomalies'::regclass AND b.text LIKE 'FOR VALUES FROM%'
                  AND coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz > now() - interval '2 days' LOOP
        EXECUTE format('CREATE INDEX ON %s (ingested_at) WHERE event_timestamp > ingested_at', week);
    END LOOP;
END
$$;

-- The functions that compare Kafka's timestamps name their parameter kafka_time. CREATE OR REPLACE cannot rename a parameter. A new
-- function would lose its owner and its grants, and the views that call it would have to be dropped. So the catalog is changed. If
-- a view or a function in SQL calls one of the functions with the old name of the parameter, it would still work, but a dump of it
-- could not be restored.

DO $$
DECLARE
    renamed oid[] := ARRAY['heartbeat_seek(timestamptz, integer)'::regprocedure, 'heartbeat_kafka_offsets(timestamptz, integer)'::regprocedure];
    callers text;
BEGIN
    SELECT string_agg(c.caller, ', ' ORDER BY c.caller) INTO callers
    FROM (SELECT DISTINCT CASE d.classid WHEN 'pg_proc'::regclass THEN pg_describe_object(d.classid, d.objid, 0)
                          ELSE (SELECT pg_describe_object('pg_class'::regclass, w.ev_class, 0) FROM pg_rewrite w WHERE w.oid = d.objid) END,
                 CASE d.classid WHEN 'pg_proc'::regclass THEN pg_get_function_sqlbody(d.objid) ELSE pg_get_ruledef(d.objid) END
          FROM pg_depend d
          WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = ANY (renamed)
            AND d.classid IN ('pg_proc'::regclass, 'pg_rewrite'::regclass)) c (caller, definition)
    WHERE c.definition LIKE '%event_time =>%';
    IF callers IS NOT NULL THEN
        RAISE EXCEPTION 'the parameter event_time of heartbeat_seek() has the new name kafka_time, but a definition uses the old one'
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('It is used by %s.', callers),
                  HINT = 'Create these objects again without the parameter''s name, update the extension, then use the new name.';
    END IF;
    UPDATE pg_proc SET proargnames = array_replace(proargnames, 'event_time', 'kafka_time') WHERE oid = ANY (renamed);
END
$$;

-- heartbeat_partition_states() returns more columns than in 1.1, so it is dropped and created again. Until then the views that call it
-- have other texts.

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

-- @tables/records_triggers@

-- 1.1 cut texts in the middle of a character, and stored texts of brokers unchanged. Clients refuse such texts, and the server
-- refuses them when it restores a dump.

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
        PERFORM heartbeat_refuse_user_code(ARRAY[place.relation]); -- a trigger would run as the role that updates the extension
        EXECUTE format('UPDATE %s SET %2$I = %3$s WHERE %2$I::text <> heartbeat_mend_text(%2$I::text)', place.relation,
                       place.column_name, coalesce(place.mended, format('heartbeat_mend_text(%I)', place.column_name)));
    END LOOP;
END
$$;
DROP FUNCTION heartbeat_mend_text(text);

-- Functions that 1.2 no longer has

DROP FUNCTION heartbeat_add_partition_keys(text, text);
DROP FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text);
DROP FUNCTION heartbeat_heard(text[], timestamptz);
DROP FUNCTION heartbeat_use_summary(boolean);

-- Rights on new objects

-- @rights@

-- Readers of heartbeat_metrics call the new functions with their own rights. The workers' role marks dead letters and stores arrivals.
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

-- If an update script grants a right on an object, PostgreSQL treats all grants on this object as parts of the extension. pg_dump
-- then leaves them out, and a restored database would not have them. Only the owner's rights are a part of this extension.

DELETE FROM pg_init_privs i
    WHERE i.objsubid <> 0 AND i.classoid = 'pg_class'::regclass
      AND EXISTS (SELECT FROM pg_class c WHERE c.oid = i.objoid AND c.relnamespace = 'heartbeat_building'::regnamespace);
UPDATE pg_init_privs i
    SET initprivs = ARRAY(SELECT p.item FROM unnest(i.initprivs) p (item)
                          WHERE EXISTS (SELECT FROM aclexplode(ARRAY[p.item]) a WHERE a.grantee = o.owner))
    FROM (SELECT 'pg_class'::regclass, c.oid, c.relowner FROM pg_class c WHERE c.relnamespace = 'heartbeat_building'::regnamespace
          UNION ALL
          SELECT 'pg_proc'::regclass, p.oid, p.proowner FROM pg_proc p WHERE p.pronamespace = 'heartbeat_building'::regnamespace
         ) o (class, object, owner)
    WHERE i.privtype = 'e' AND i.classoid = o.class AND i.objoid = o.object;

-- @distributed_finish@

-- @finish@
