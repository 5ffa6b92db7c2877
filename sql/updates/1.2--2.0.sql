-- heartbeat 1.2 to 2.0: changes the old version into the extension that CREATE EXTENSION creates, object by object. The script
-- replaces all functions and views. The readings get a new column, device_id. The script rewrites no row of the readings, because
-- this column has a constant default. The weekly table partitions keep their keys, which do not include device_id, until a person
-- calls heartbeat_upgrade_keys().
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @distributed_begin@

-- If Citus has distributed the readings, its nodes also need device_id and the new key of the default partitions. Citus finds the
-- tables on the nodes by schema and name. So this block must run before begin.sql moves the tables to another schema. The block locks
-- heartbeat_control first. So the block waits for the current batch, and the next batch waits for the update.
SET LOCAL search_path = pg_catalog, pg_temp;
DO $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
    name text;
    distributed boolean := false;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NOT NULL THEN
        EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = $1)' INTO distributed
            USING format('%I.heartbeat_records', schema)::regclass;
    END IF;
    PERFORM set_config('heartbeat_building.distributed', distributed::text, true);
    IF NOT distributed THEN
        RETURN;
    END IF;
    EXECUTE format('LOCK TABLE %I.heartbeat_control IN ACCESS EXCLUSIVE MODE', schema);
    PERFORM set_config('citus.enable_ddl_propagation', 'on', true);
    FOREACH name IN ARRAY ARRAY['heartbeat_records', 'heartbeat_anomalies'] LOOP
        EXECUTE format('ALTER TABLE %I.%I ADD COLUMN device_id text COLLATE "C" NOT NULL DEFAULT %L', schema, name, '');
        EXECUTE format('ALTER TABLE %I.%I DROP CONSTRAINT %I', schema, name || '_default', name || '_default_pkey');
        EXECUTE format('ALTER TABLE %I.%I ADD CONSTRAINT %I PRIMARY KEY (customer_id, event_timestamp, device_id)', schema, name || '_default',
                       name || '_default_pkey');
    END LOOP;
    PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
END
$$;

-- @begin@

-- Some functions have other parameters or another result in 2.0. The update drops the old functions and creates new functions. A
-- new function gets the owner and the grants of its old function. If an object of a user calls an old function, PostgreSQL
-- refuses to drop the function. So the update first looks for such objects. If there is one, the update stops with an error that
-- names the object.

DO $$
DECLARE
    replaced CONSTANT text[] := ARRAY[ -- the old function, and the new function
        ['heartbeat_move_offset(text, integer, bigint, text)', 'heartbeat_move_offset(text, text, integer, bigint, text)'],
        ['heartbeat_forget_offset(text, integer)', 'heartbeat_forget_offset(text, text, integer)'],
        ['heartbeat_seek(integer, bigint)', 'heartbeat_seek(integer, bigint, text)'],
        ['heartbeat_seek(timestamptz, integer)', 'heartbeat_seek(timestamptz, integer, text)'],
        ['heartbeat_kafka_offsets(timestamptz, integer)', 'heartbeat_kafka_offsets(timestamptz, integer, text)'],
        ['heartbeat_check_offset(integer, bigint)', 'heartbeat_check_offset(text, integer, bigint)'],
        ['heartbeat_require_pause()', 'heartbeat_require_pause(text)'],
        ['heartbeat_replay(timestamptz, timestamptz, integer)', 'heartbeat_replay(timestamptz, timestamptz, integer, text)'],
        ['heartbeat_pause(text)', 'heartbeat_pause(text, text)'], ['heartbeat_resume()', 'heartbeat_resume(text)'],
        ['heartbeat_store_pause(text)', 'heartbeat_store_pause(text, text)'], ['heartbeat_store_resume()', 'heartbeat_store_resume(text)'],
        ['heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[])',
         'heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[], boolean, text)'],
        ['heartbeat_audit()', 'heartbeat_audit()'],
        ['heartbeat_partition_states()', 'heartbeat_partition_states()'],
        -- heartbeat_source_states() is new, and gets the grants of heartbeat_partition_states(), because heartbeat_metrics calls
        -- both functions
        ['heartbeat_partition_states()', 'heartbeat_source_states()']];
    callers text;
    function text;
    kept jsonb := '[]';
BEGIN
    SELECT string_agg(DISTINCT CASE d.classid WHEN 'pg_rewrite'::regclass
                          THEN (SELECT pg_describe_object('pg_class'::regclass, w.ev_class, 0) FROM pg_rewrite w WHERE w.oid = d.objid)
                          ELSE pg_describe_object(d.classid, d.objid, 0) END, ', '), min(d.refobjid::regprocedure::text)
    INTO callers, function
    FROM pg_depend d LEFT JOIN pg_rewrite w ON d.classid = 'pg_rewrite'::regclass AND w.oid = d.objid
    WHERE d.refclassid = 'pg_proc'::regclass AND d.deptype = 'n'
      AND d.refobjid IN (SELECT replaced[i][1]::regprocedure FROM generate_subscripts(replaced, 1) i)
      AND NOT EXISTS (SELECT FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid AND e.extname = 'heartbeat'
                      WHERE m.refclassid = 'pg_extension'::regclass AND m.deptype = 'e'
                        AND (m.classid, m.objid) IN ((d.classid, d.objid), ('pg_class'::regclass, w.ev_class)));
    IF callers IS NOT NULL THEN
        RAISE EXCEPTION 'functions of extension "heartbeat" have other parameters or columns in 2.0, and other objects call them'
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('These objects call the functions: %s.', callers),
                  HINT = 'Drop these objects, update the extension, and create the objects again.';
    END IF;
    FOR i IN 1 .. array_length(replaced, 1) LOOP
        kept := kept || (
            SELECT jsonb_build_object('function', replaced[i][2], 'owner', CASE WHEN p.proowner <> e.extowner THEN p.proowner::regrole END,
                       'grants', (SELECT jsonb_agg(jsonb_build_object(
                                      'to', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, 'option', a.is_grantable))
                                  FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a WHERE a.grantee <> p.proowner))
            FROM pg_proc p, pg_extension e WHERE p.oid = replaced[i][1]::regprocedure AND e.extname = 'heartbeat');
    END LOOP;
    PERFORM set_config('heartbeat_building.replaced', kept::text, true);
END
$$;

DROP FUNCTION heartbeat_audit(); -- in 2.0 this function has the same parameters, but more columns

-- heartbeat_partition_states() also has more columns in 2.0. The update does not drop the views that call this function, because these
-- views must keep their grants and dependent objects. So the update first replaces these views by views that do not call
-- heartbeat_partition_states().
CREATE OR REPLACE VIEW heartbeat_metrics AS
    SELECT NULL::text AS name, NULL::jsonb AS labels, NULL::double precision AS value, NULL::text AS type, NULL::text AS help,
           NULL::text AS family;
CREATE OR REPLACE VIEW heartbeat_partitions AS
    SELECT o.topic, o.partition, o.next_offset, NULL::bigint AS high_watermark, NULL::bigint AS lag_messages, o.records, o.anomalies,
           o.duplicates, o.dead_letters, o.empty_offsets, NULL::integer AS worker_pid, o.last_message_at,
           NULL::double precision AS lag_seconds, NULL::text AS state, NULL::text AS reason
    FROM heartbeat_offsets o;
DROP FUNCTION heartbeat_partition_states();

-- Tables

DO $$
BEGIN
    IF NOT current_setting('heartbeat_building.distributed')::boolean THEN
        ALTER TABLE heartbeat_records ADD COLUMN device_id text COLLATE "C" NOT NULL DEFAULT '';
        ALTER TABLE heartbeat_anomalies ADD COLUMN device_id text COLLATE "C" NOT NULL DEFAULT '';
    END IF;
END
$$;
ALTER TABLE heartbeat_offsets
    ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT 'default',
    ADD COLUMN messages bigint NOT NULL DEFAULT 0,
    ADD COLUMN ignored bigint NOT NULL DEFAULT 0,
    ADD COLUMN readings bigint NOT NULL DEFAULT 0,
    ADD COLUMN conflicts bigint NOT NULL DEFAULT 0,
    ADD COLUMN conflicts_deleted bigint NOT NULL DEFAULT 0,
    DROP CONSTRAINT heartbeat_offsets_pkey,
    ADD PRIMARY KEY (source, topic, partition);
ALTER TABLE heartbeat_gaps ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE heartbeat_dead_letters
    ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT 'default',
    ADD COLUMN header_names text[],
    ADD COLUMN header_values bytea[],
    ADD COLUMN readings jsonb;
DROP INDEX heartbeat_dead_letters_topic_partition_offset_idx;
CREATE INDEX ON heartbeat_dead_letters (source, topic, partition, "offset");
-- In 1.x all readings came from one source.
ALTER TABLE heartbeat_arrivals ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT 'default';
ALTER TABLE heartbeat_customers ADD COLUMN source text COLLATE "C" DEFAULT 'default';
ALTER TABLE heartbeat_customers ALTER COLUMN source DROP DEFAULT;
ALTER TABLE heartbeat_alerts
    ADD COLUMN source text COLLATE "C",
    ADD COLUMN detail_at timestamptz NOT NULL DEFAULT clock_timestamp();
DROP INDEX heartbeat_alerts_rule_subject_idx;
CREATE UNIQUE INDEX ON heartbeat_alerts (rule, subject, coalesce(source, '')) WHERE closed_at IS NULL;
ALTER TABLE heartbeat_control
    ADD COLUMN source text COLLATE "C" NOT NULL DEFAULT '',
    DROP CONSTRAINT heartbeat_control_pkey,
    ADD PRIMARY KEY (hold, source);

-- @tables/sources@
-- @tables/schemas@
-- @tables/dropped_offsets@
SELECT pg_extension_config_dump('heartbeat_source_definitions', 'WHERE name <> ''default'' OR revision > 1');
SELECT pg_extension_config_dump('heartbeat_source_definitions_source_id_seq', '');
SELECT pg_extension_config_dump('heartbeat_schemas', '');
SELECT pg_extension_config_dump('heartbeat_dropped_offsets', '');
-- @comments@

-- The default partitions get the new key at once, because they have only few readings.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT c.conrelid::regclass AS parted, c.conname FROM pg_constraint c
               WHERE c.conrelid IN ('heartbeat_records_default'::regclass, 'heartbeat_anomalies_default'::regclass) AND c.contype = 'p'
                 AND NOT current_setting('heartbeat_building.distributed')::boolean LOOP
        EXECUTE format('ALTER TABLE %1$s DROP CONSTRAINT %2$I, ADD CONSTRAINT %2$I PRIMARY KEY (customer_id, event_timestamp, device_id)',
                       one.parted, one.conname);
    END LOOP;
END
$$;

-- @code@

CREATE TRIGGER heartbeat_source_definitions_default BEFORE INSERT ON heartbeat_source_definitions
    FOR EACH ROW WHEN (NEW.name = 'default') EXECUTE FUNCTION heartbeat_replace_default();
ALTER TABLE heartbeat_source_definitions ENABLE ALWAYS TRIGGER heartbeat_source_definitions_default;

-- In 1.x each decoded message was one reading.
DO $$
BEGIN
    PERFORM heartbeat_refuse_user_code(ARRAY['heartbeat_offsets'::regclass]); -- a trigger would run as the role that updates the extension
    UPDATE heartbeat_offsets o SET messages = n.messages, readings = n.messages
        FROM (SELECT topic, partition, greatest(least(records::numeric + anomalies + duplicates, 9223372036854775807),
                                                -9223372036854775808)::bigint AS messages FROM heartbeat_offsets) n
        WHERE o.topic = n.topic AND o.partition = n.partition;
END
$$;

-- An open alert of 1.x is about the source default, or belongs to no source: a duty fails, workers do not run, or ingest is paused.
-- Without these sources, heartbeat would close the alert and raise it again.
DO $$
BEGIN
    PERFORM heartbeat_refuse_user_code(ARRAY['heartbeat_alerts'::regclass]);
    UPDATE heartbeat_alerts SET detail_at = raised_at;
    UPDATE heartbeat_alerts a SET source = 'default'
        FROM heartbeat_alert_rules r
        WHERE r.name = a.rule AND r.kind <> 'anomalies' AND a.closed_at IS NULL
          AND NOT (r.kind = 'state'
                   AND (a.detail->>'state' IN ('PAUSED', 'STOPPED')
                        OR coalesce(a.detail->>'reason', '')
                           ~ '^(the maintenance worker|[0-9]+ of [0-9]+ workers run|the workers are starting)'));
END
$$;

-- Functions that 2.0 no longer has

DROP FUNCTION heartbeat_seek(integer, bigint);
DROP FUNCTION heartbeat_seek(timestamptz, integer);
DROP FUNCTION heartbeat_move_offset(text, integer, bigint, text);
DROP FUNCTION heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]);
DROP FUNCTION heartbeat_forget_offset(text, integer);
DROP FUNCTION heartbeat_kafka_offsets(timestamptz, integer);
DROP FUNCTION heartbeat_check_offset(integer, bigint);
DROP FUNCTION heartbeat_require_pause();
DROP FUNCTION heartbeat_replay(timestamptz, timestamptz, integer);
DROP FUNCTION heartbeat_pause(text);
DROP FUNCTION heartbeat_resume();
DROP FUNCTION heartbeat_store_pause(text);
DROP FUNCTION heartbeat_store_resume();
DROP FUNCTION heartbeat_alerts_of_silence(text);
DROP FUNCTION heartbeat_alerts_of_lag();
DROP FUNCTION heartbeat_alerts_of_dead_letters();
DROP FUNCTION heartbeat_alerts_of_state();

-- Rights on new objects

-- @rights@

-- This block gives each new function the owner and the grants of the function that it replaces. The block also gives the workers'
-- role the rights on the new tables heartbeat_source_definitions and heartbeat_schemas, and gives readers the rights on the new views.
DO $$
DECLARE
    function record;
    given record;
    worker text;
    reader text;
BEGIN
    FOR function IN SELECT * FROM jsonb_to_recordset(current_setting('heartbeat_building.replaced')::jsonb)
                        AS r (function text, owner text, grants jsonb) LOOP
        IF function.owner IS NOT NULL THEN
            EXECUTE format('ALTER FUNCTION heartbeat_building.%s OWNER TO %s', function.function, function.owner);
        END IF;
        FOR given IN SELECT * FROM jsonb_to_recordset(function.grants) AS g ("to" text, option boolean) LOOP
            EXECUTE format('GRANT EXECUTE ON FUNCTION heartbeat_building.%s TO %s', function.function, given."to")
                    || CASE WHEN given.option THEN ' WITH GRANT OPTION' ELSE '' END;
        END LOOP;
    END LOOP;
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_control'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT SELECT ON heartbeat_building.heartbeat_source_definitions TO %s', worker);
    END LOOP;
    -- A role that may read heartbeat_partitions watches ingest. To watch ingest in 2.0, this role also needs the two views of the
    -- sources: the dashboard Pipeline reads these views.
    FOR reader IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_partitions'::regclass AND a.privilege_type = 'SELECT' AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT SELECT ON heartbeat_building.heartbeat_sources, heartbeat_building.heartbeat_source_status TO %s', reader);
    END LOOP;
    -- Only the workers' role needs the right to add dead letters, so each role with this right counts as the workers' role.
    -- Workers also insert rows into heartbeat_schemas.
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_dead_letters'::regclass AND a.privilege_type = 'INSERT' AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT SELECT, INSERT ON heartbeat_building.heartbeat_schemas TO %s', worker);
    END LOOP;
    -- A retry updates the column error_text, and in 2.0 also the column `readings` of a message in conflict. So each role that
    -- may update error_text also gets the right to update `readings`. A retry with the argument `replace` needs further rights,
    -- which this script does not grant.
    FOR worker IN SELECT CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END
                  FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid, aclexplode(a.attacl) x
                  WHERE a.attrelid = 'heartbeat_building.heartbeat_dead_letters'::regclass AND a.attname = 'error_text'
                    AND x.privilege_type = 'UPDATE' AND x.grantee <> c.relowner LOOP
        EXECUTE format('GRANT UPDATE (readings) ON heartbeat_building.heartbeat_dead_letters TO %s', worker);
    END LOOP;
END
$$;

-- If an update script grants a right on an object, PostgreSQL records all grants on this object in pg_init_privs, as a part of
-- the extension. pg_dump does not write such grants, so a restored database would lack these grants. The statements below remove
-- the grants to other roles from pg_init_privs, so pg_dump writes these grants. The grants themselves do not change.

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
-- If pg_init_privs has no right of an object's owner, the statement above leaves an empty list. An earlier update or a REVOKE can
-- also have left an empty list. aclexplode() cannot read such a list, so the next statements would fail.
DELETE FROM pg_init_privs i
    WHERE cardinality(i.initprivs) = 0
      AND EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                  WHERE d.classid = i.classoid AND d.objid = i.objoid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e');

-- Since PostgreSQL 17, pg_shdepend has a row of the type 'i' for each role that pg_init_privs names, except for the roles that
-- initdb has created. While such a row exists, PostgreSQL refuses to drop the role. The statements above, the update from 1.1 to
-- 1.2 and heartbeat_set_owner() of 1.2 change only pg_init_privs. So the statements below correct pg_shdepend.
DO $$
DECLARE
    first_role CONSTANT oid := 16384; -- initdb creates roles with lower oids
    this_database CONSTANT oid := (SELECT d.oid FROM pg_database d WHERE d.datname = current_database());
    extension CONSTANT oid := (SELECT e.oid FROM pg_extension e WHERE e.extname = 'heartbeat');
BEGIN
    DELETE FROM pg_shdepend s
        WHERE s.deptype = 'i' AND s.dbid = this_database
          AND EXISTS (SELECT FROM pg_depend d WHERE d.classid = s.classid AND d.objid = s.objid AND d.deptype = 'e'
                                                AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension)
          AND NOT EXISTS (SELECT FROM pg_init_privs i, aclexplode(i.initprivs) a
                          WHERE i.classoid = s.classid AND i.objoid = s.objid AND i.objsubid = s.objsubid
                            AND s.refobjid IN (a.grantor, a.grantee));
    IF current_setting('server_version_num')::integer >= 170000 THEN
        INSERT INTO pg_shdepend (dbid, classid, objid, objsubid, refclassid, refobjid, deptype)
            SELECT DISTINCT this_database, i.classoid, i.objoid, i.objsubid, 'pg_authid'::regclass, r.role, 'i'::"char"
            FROM pg_init_privs i
            JOIN pg_depend d ON d.classid = i.classoid AND d.objid = i.objoid AND d.deptype = 'e'
                                AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = extension,
            aclexplode(i.initprivs) a, unnest(ARRAY[a.grantor, a.grantee]) r (role)
            WHERE r.role >= first_role
              AND NOT EXISTS (SELECT FROM pg_shdepend s
                              WHERE s.dbid = this_database AND s.classid = i.classoid AND s.objid = i.objoid
                                AND s.objsubid = i.objsubid AND s.refobjid = r.role AND s.deptype = 'i');
    END IF;
END
$$;

-- @distributed_finish@

-- @finish@
