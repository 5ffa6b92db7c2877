-- heartbeat 1.0 to 1.1: changes the old version into the extension that CREATE EXTENSION of 1.1 creates, object by object.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @distributed_begin@

-- @begin@

-- Tables that Citus may distribute over several nodes

CREATE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p JOIN pg_class c ON c.oid = p.logicalrelid'
            ' JOIN pg_extension e ON e.extnamespace = c.relnamespace'
            ' WHERE e.extname = ''heartbeat'' AND c.relname = ''heartbeat_records'')' INTO distributed;
    RETURN distributed;
END
$$;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: whether heartbeat_distribute() has spread the tables over the nodes of a Citus cluster.';

CREATE OR REPLACE FUNCTION heartbeat_add_partition_keys(partition_of text, partition_name text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    partition text := (SELECT format('%I.%I', n.nspname, partition_name) FROM pg_extension e
                       JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
    distributed boolean;
BEGIN
    EXECUTE (SELECT format('SELECT %I.heartbeat_is_distributed()', n.nspname) FROM pg_extension e
             JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat') INTO distributed;
    CASE partition_of
    WHEN 'heartbeat_rollup' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (minute_bucket, customer_id)', partition);
    WHEN 'heartbeat_records' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', partition);
        EXECUTE format('CREATE INDEX ON %s USING brin (event_timestamp) WITH (pages_per_range = 16%s)', partition,
                       CASE WHEN distributed THEN ', autosummarize = on' ELSE '' END); -- on the nodes nothing else summarizes the index
    WHEN 'heartbeat_anomalies' THEN
        EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', partition);
        EXECUTE format('CREATE INDEX ON %s (event_timestamp)', partition);
    END CASE;
END
$$;

-- While this function waits for the lock of a long query, for example of pg_dump, other sessions wait behind this function. The
-- lock timeout limits this wait.
CREATE OR REPLACE FUNCTION heartbeat_make_partitions(first_event timestamptz, last_event timestamptz) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    made integer := 0;
    week timestamptz;
    parent text;
    name text;
    time_column text;
    parent_table text;
    default_table text;
    new_table text;
    columns text;
    moving boolean;
    moved bigint;
    distributed boolean;
BEGIN
    IF last_event > first_event + interval '10 years' THEN
        RAISE EXCEPTION 'partitions from % to % are more than ten years', first_event, last_event
            USING ERRCODE = 'invalid_parameter_value',
                  HINT = 'Make them for the years that have readings; what lies outside goes to the default partitions.';
    END IF;
    -- The lock below can wait minutes for ANALYZE. So the function returns here if it has no table partition to create.
    IF NOT EXISTS (SELECT FROM generate_series(date_trunc('week', first_event), last_event, interval '7 days') w,
                               unnest(ARRAY['heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup']) p
                   WHERE to_regclass(format('%I.%I', schema, p || to_char(w, '_IYYY"w"IW'))) IS NULL) THEN
        RETURN 0;
    END IF;
    -- this lock lets only one session create table partitions; readers and writers continue
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema);
    FOR week IN SELECT generate_series(date_trunc('week', first_event), last_event, interval '7 days') LOOP
        FOREACH parent IN ARRAY ARRAY['heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup'] LOOP
            name := parent || to_char(week, '_IYYY"w"IW');
            time_column := CASE parent WHEN 'heartbeat_rollup' THEN 'minute_bucket' ELSE 'event_timestamp' END;
            parent_table := format('%I.%I', schema, parent);
            default_table := format('%I.%I', schema, parent || '_default');
            new_table := format('%I.%I', schema, name);
            CONTINUE WHEN to_regclass(new_table) IS NOT NULL;
            EXECUTE format('CREATE TABLE %s (LIKE %s INCLUDING ALL)', new_table, parent_table);
            EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', new_table); -- the owner's default privileges may grant rights to PUBLIC
            EXECUTE format('SELECT %I.heartbeat_add_partition_keys($1, $2)', schema) USING parent, name;
            -- A move also locks the parent. Without this lock, PostgreSQL would not plan a waiting statement again after the
            -- move. The statement would then not find the rows in the new table partition.
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L)',
                           default_table, time_column, week, week + interval '7 days') INTO moving;
            IF moving THEN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', parent_table);
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_table);
            columns := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                        WHERE attrelid = parent_table::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
            EXECUTE format('INSERT INTO %6$s (%5$s) SELECT %5$s FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L',
                           default_table, time_column, week, week + interval '7 days', columns, new_table);
            GET DIAGNOSTICS moved = ROW_COUNT;
            IF moved > 0 THEN
                EXECUTE format('DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L',
                               default_table, time_column, week, week + interval '7 days');
            END IF;
            EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                           parent_table, new_table, week, week + interval '7 days');
            -- Citus has copied the rows to the nodes, but has not removed the rows from this server
            EXECUTE format('SELECT %I.heartbeat_is_distributed()', schema) INTO distributed;
            IF distributed AND moved > 0 THEN
                EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING new_table::regclass;
            END IF;
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

CREATE OR REPLACE VIEW vw_pipeline_summary AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event, max(last_event) AS last_event
        FROM heartbeat_offsets
    ), pending AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM heartbeat_rollup_pending
    ), customers AS (
        SELECT (SELECT coalesce(sum(customers), 0) FROM heartbeat_customers_total) +
               (SELECT count(*) FROM pending p
                -- The subquery has a LIMIT, so that PostgreSQL looks up each customer by the key, and never reads all customers.
                WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = p.customer_id LIMIT 1) IS NULL
               ) AS customers
    )
    SELECT m.metric, m.value
    FROM totals t, customers c, heartbeat_status s,
         LATERAL (VALUES
            (1, 'total_records', t.records::text),
            (2, 'total_anomalies', t.anomalies::text),
            (3, 'bradycardia', t.bradycardia::text),
            (4, 'tachycardia', t.tachycardia::text),
            (5, 'invalid', t.invalid::text),
            (6, 'duplicates', t.duplicates::text),
            (7, 'dead_letters', t.dead_letters::text),
            (8, 'customers', c.customers::text),
            (9, 'first_event', t.first_event::text),
            (10, 'last_event', t.last_event::text),
            (11, 'state', s.state),
            (12, 'lag_messages', s.lag_messages::text),
            (13, 'lag_seconds', round(s.lag_seconds::numeric, 1)::text)
         ) AS m (position, metric, value)
    ORDER BY m.position;

-- These two functions read only the tables of readings, because the rows can be on the nodes of a cluster. The nodes refuse a query
-- that also reads a table of the coordinator.
CREATE FUNCTION heartbeat_newest_anomalies(since timestamptz, until timestamptz, only_customer text, only_type text,
                                           OUT customer_id text, OUT event_timestamp timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE (SELECT format(
        'SELECT h.customer_id, h.event_timestamp FROM %I.heartbeat_anomalies h'
        ' WHERE h.event_timestamp > $1 AND h.event_timestamp < $2 AND ($3 IS NULL OR h.customer_id = $3)'
        ' AND ($4 IS NULL OR h.anomaly_type = $4) ORDER BY h.event_timestamp DESC LIMIT 100000', n.nspname)
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat')
        USING since, until, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text) IS
    'Internal: of the anomalies between two times the newest 100,000, of a customer and a type where they are given.';

-- The subqueries have a LIMIT, so that the planner always uses the keys of the table partitions. If the nodes have the rows, the
-- function first looks for customers with a reading in the last minute. The other customers have few readings after `since`, and
-- the function then reads all of these readings.
CREATE FUNCTION heartbeat_heard(customers text[], since timestamptz) RETURNS SETOF text
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    distributed boolean;
    heard text[];
BEGIN
    EXECUTE format('SELECT %I.heartbeat_is_distributed()', schema) INTO distributed;
    IF NOT distributed THEN
        RETURN QUERY EXECUTE format(
            'SELECT w.customer_id FROM unnest($1) w (customer_id)'
            ' WHERE (SELECT true FROM %1$I.heartbeat_records h WHERE h.customer_id = w.customer_id'
            '        AND h.event_timestamp > $2 LIMIT 1)'
            '    OR (SELECT true FROM %1$I.heartbeat_anomalies h WHERE h.customer_id = w.customer_id'
            '        AND h.event_timestamp > $2 LIMIT 1)', schema) USING customers, since;
        RETURN;
    END IF;
    EXECUTE format('SELECT array_agg(DISTINCT h.customer_id) FROM %I.heartbeat_records h'
                   ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2', schema)
        INTO heard USING customers, greatest(since, now() - interval '1 minute');
    heard := coalesce(heard, '{}');
    RETURN QUERY SELECT unnest(heard);
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id FROM %1$I.heartbeat_records h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2'
        ' UNION SELECT h.customer_id FROM %1$I.heartbeat_anomalies h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2',
        schema) USING ARRAY(SELECT unnest(customers) EXCEPT SELECT unnest(heard)), since;
END
$$;
COMMENT ON FUNCTION heartbeat_heard(text[], timestamptz) IS
    'Internal: those of some customers who have a reading after a time.';

-- The function reads only ranges of indexes, and a limited number of rows: the newest 100,000 anomalies of a rule's period,
-- and 10,000 customers in a call. The next call continues after the last customer of this call. A call raises at most 1,000
-- alerts. The function also reads the minute before the rule's period, because readings can arrive late. heartbeat evaluates
-- silence rules only while the consumer lag is short.
CREATE OR REPLACE FUNCTION heartbeat_evaluate_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH rules AS MATERIALIZED (
        SELECT r.name, r.kind, r.threshold, r.period, r.customer_id, r.anomaly_type
        FROM heartbeat_alert_rules r WHERE r.enabled
    ), status AS MATERIALIZED (
        SELECT s.state, s.since, s.reason, s.lag_messages, coalesce(s.lag_seconds, 0) AS lag_seconds
        FROM heartbeat_status s WHERE EXISTS (SELECT FROM rules WHERE kind IN ('silence', 'lag', 'state'))
    ), slice AS MATERIALIZED (
        SELECT c.customer_id FROM heartbeat_customers c
        WHERE c.customer_id > coalesce(after_customer, '')
          AND with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence' AND rules.customer_id IS NULL)
        ORDER BY c.customer_id LIMIT 10000
    ), bounds AS MATERIALIZED (
        SELECT coalesce(after_customer, '') AS after, CASE WHEN count(*) = 10000 THEN max(customer_id) END AS up_to
        FROM slice
    ), anomalies AS (
        SELECT r.name AS rule, a.customer_id AS subject,
               jsonb_build_object('kind', r.kind, 'anomalies', max(a.within), 'period', r.period,
                                  'last_event', max(a.event_timestamp)) AS detail
        FROM rules r, LATERAL (
            SELECT n.customer_id, n.event_timestamp,
                   count(*) OVER (PARTITION BY n.customer_id ORDER BY n.event_timestamp
                                  RANGE BETWEEN r.period PRECEDING AND CURRENT ROW) AS within
            FROM heartbeat_newest_anomalies(now() - r.period - interval '1 minute', now() + interval '1 minute',
                                            r.customer_id, r.anomaly_type) n) a
        WHERE r.kind = 'anomalies'
        GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
        HAVING max(a.within) >= r.threshold
    ), watched AS MATERIALIZED ( -- each customer whose silence this call examines
        SELECT r.name AS rule, r.kind, r.period, c.customer_id
        FROM rules r JOIN slice c ON r.customer_id IS NULL WHERE r.kind = 'silence'
        UNION ALL
        SELECT r.name, r.kind, r.period, r.customer_id
        FROM rules r WHERE r.kind = 'silence' AND r.customer_id IS NOT NULL AND with_silence
    ), silences AS MATERIALIZED ( -- the open alerts whose customer may have sent a reading
        SELECT o.id, o.subject, r.period
        FROM heartbeat_alerts o JOIN rules r ON r.name = o.rule, bounds b
        WHERE o.closed_at IS NULL AND r.kind = 'silence' AND with_silence
          AND (r.customer_id IS NOT NULL OR o.subject > b.after AND (b.up_to IS NULL OR o.subject <= b.up_to))
    ), heard AS MATERIALIZED (
        SELECT p.period, h.customer_id
        FROM (SELECT q.period, array_agg(DISTINCT q.customer_id) AS customers
              FROM (SELECT w.period, w.customer_id FROM watched w UNION SELECT l.period, l.subject FROM silences l) q
              GROUP BY q.period) p, heartbeat_heard(p.customers, now() - p.period) h (customer_id)
    ), heard_again AS MATERIALIZED (
        SELECT l.id FROM silences l JOIN heard h ON h.period = l.period AND h.customer_id = l.subject
    ), unheard AS MATERIALIZED (
        SELECT w.rule, w.kind, w.period, w.customer_id
        FROM watched w JOIN status s ON s.state = 'RUNNING' AND s.lag_seconds < extract(epoch FROM w.period)
        WHERE (w.period, w.customer_id) NOT IN (SELECT h.period, h.customer_id FROM heard h)
    ), silence AS (
        SELECT u.rule, u.customer_id AS subject, jsonb_build_object('kind', u.kind, 'period', u.period) AS detail
        FROM (SELECT n.period, array_agg(DISTINCT n.customer_id) AS customers FROM unheard n GROUP BY n.period) p,
             heartbeat_heard(p.customers, now() - p.period - interval '1 day') h (customer_id),
             unheard u
        WHERE u.period = p.period AND u.customer_id = h.customer_id
    ), pipeline AS (
        SELECT r.name AS rule, current_setting('heartbeat.topic') AS subject,
               jsonb_build_object('kind', r.kind, 'lag_messages', s.lag_messages) AS detail
        FROM rules r JOIN status s ON s.lag_messages > r.threshold WHERE r.kind = 'lag'
        UNION ALL
        SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'dead_letters', d.unresolved)
        FROM rules r, (SELECT coalesce(sum(o.dead_letters - o.dead_letters_deleted), 0) AS unresolved
                       FROM heartbeat_offsets o) d
        WHERE r.kind = 'dead_letters' AND d.unresolved > r.threshold
        UNION ALL
        SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'state', s.state, 'reason', s.reason)
        FROM rules r JOIN status s ON s.state <> 'RUNNING' AND coalesce(s.since <= clock_timestamp() - r.period, true)
        WHERE r.kind = 'state'
    ), met AS MATERIALIZED (
        SELECT rule, subject, detail FROM anomalies
        UNION ALL SELECT rule, subject, detail FROM silence
        UNION ALL SELECT rule, subject, detail FROM pipeline
    ), raised AS (
        INSERT INTO heartbeat_alerts (rule, subject, detail)
            SELECT m.rule, m.subject, m.detail FROM met m
            WHERE NOT EXISTS (SELECT FROM heartbeat_alerts o
                              WHERE o.rule = m.rule AND o.subject = m.subject AND o.closed_at IS NULL)
            ORDER BY m.rule, m.subject LIMIT 1000
            ON CONFLICT DO NOTHING
            RETURNING id, rule, subject, raised_at, closed_at, detail
    ), over AS ( -- alerts to close: a silence ends when a reading of the customer arrives
        SELECT o.id
        FROM heartbeat_alerts o LEFT JOIN rules r ON r.name = o.rule
        WHERE o.closed_at IS NULL
          AND CASE WHEN r.name IS NULL THEN true
                   WHEN r.kind = 'silence' THEN
                       (r.customer_id IS NOT NULL AND r.customer_id <> o.subject)
                       OR o.id IN (SELECT a.id FROM heard_again a)
                   ELSE NOT EXISTS (SELECT FROM met m WHERE m.rule = o.rule AND m.subject = o.subject) END
        ORDER BY o.id LIMIT 1000
    ), closed AS (
        UPDATE heartbeat_alerts a SET closed_at = clock_timestamp() FROM over WHERE a.id = over.id
            RETURNING a.id, a.rule, a.subject, a.raised_at, a.closed_at, a.detail
    ), told AS MATERIALIZED (
        SELECT t.closed_at,
               pg_notify('heartbeat_alert', json_build_object(
                   'alert', CASE WHEN t.closed_at IS NULL THEN 'raised' ELSE 'closed' END, 'id', t.id, 'rule', t.rule,
                   'subject', t.subject, 'raised_at', t.raised_at, 'closed_at', t.closed_at, 'detail', t.detail)::text)
        FROM (SELECT * FROM raised UNION ALL SELECT * FROM closed) t
    ), old AS (
        DELETE FROM heartbeat_alerts
        WHERE id IN (SELECT a.id FROM heartbeat_alerts a
                     WHERE a.closed_at IS NOT NULL AND a.id <= (SELECT max(m.id) FROM heartbeat_alerts m) - 10000
                     ORDER BY a.closed_at LIMIT 100)
    )
    SELECT count(*) FILTER (WHERE t.closed_at IS NULL), count(t.closed_at),
           (SELECT count(*) FROM heartbeat_alerts a WHERE a.closed_at IS NULL) + count(*) FILTER (WHERE t.closed_at IS NULL)
               - count(t.closed_at),
           EXISTS (SELECT FROM rules WHERE kind = 'anomalies'),
           EXISTS (SELECT FROM rules WHERE kind <> 'anomalies'),
           (SELECT up_to FROM bounds)
    FROM told t;
END;

-- The view vw_customer_bpm_summary has one text for distributed tables, and another text for tables on one server. Citus sends the
-- text for distributed tables to the nodes as a whole, with the caller's conditions on customer and time. This text first selects
-- the minutes of the small tables (heartbeat_rollup_pending and heartbeat_stale_minutes), and reads these minutes apart from all
-- other minutes. So this text reads no sum twice, even if the maintenance worker moves the sum meanwhile. If all rows are on one
-- server, the text for one server is far faster.
CREATE FUNCTION heartbeat_use_summary(distributed boolean) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
BEGIN
    EXECUTE format(CASE WHEN distributed THEN $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    WITH stale AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes),
    pending AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE r.minute_bucket <> ALL (ARRAY(SELECT minute_bucket FROM stale UNION SELECT minute_bucket FROM pending))
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))) a
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT r.customer_id, r.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT customer_id, heart_rate, CASE WHEN event_timestamp < '2000-01-01Z' THEN date_trunc('minute', event_timestamp, 'UTC')
                                               ELSE date_bin('1 minute', event_timestamp, '2000-01-01Z') END AS minute_bucket
          FROM %1$I.heartbeat_records
          WHERE event_timestamp >= (SELECT min(minute_bucket) FROM stale)
            AND event_timestamp < (SELECT max(minute_bucket) FROM stale) + interval '1 minute') r
    WHERE r.minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM stale))
    GROUP BY 1, 2 $view$ ELSE $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM (SELECT minute_bucket FROM %1$I.heartbeat_stale_minutes
                                   UNION SELECT minute_bucket FROM %1$I.heartbeat_rollup_pending) t
                      WHERE t.minute_bucket = r.minute_bucket)
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (WITH minutes AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM minutes))
            AND minute_bucket >= (SELECT min(minute_bucket) FROM minutes) -- with these two bounds PostgreSQL skips the other table partitions
            AND minute_bucket <= (SELECT max(minute_bucket) FROM minutes)) a
    WHERE NOT EXISTS (SELECT FROM %1$I.heartbeat_stale_minutes s WHERE s.minute_bucket = a.minute_bucket)
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes) s,
         %1$I.heartbeat_summarize_minute(s.minute_bucket) m $view$ END, schema);
END
$$;
COMMENT ON FUNCTION heartbeat_use_summary(boolean) IS
    'Internal: gives vw_customer_bpm_summary the text for distributed tables, or the one for tables on this server.';

CREATE FUNCTION heartbeat_check_cluster() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    coordinator boolean;
    strangers text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RAISE EXCEPTION 'heartbeat_distribute needs the extension "citus"'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Install Citus, add it to shared_preload_libraries, CREATE EXTENSION citus, and add nodes with citus_add_node().';
    END IF;
    EXECUTE 'SELECT groupid = 0 FROM pg_dist_local_group' INTO coordinator;
    IF NOT coordinator THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, not its coordinator'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'heartbeat runs on the coordinator alone.';
    END IF;
    EXECUTE $find$ SELECT string_agg(format('%s:%s', nodename, nodeport), ', ' ORDER BY nodename, nodeport)
        FROM run_command_on_workers('SELECT count(*) FROM pg_extension WHERE extname = ''heartbeat''')
        WHERE NOT success OR result <> '0' $find$ INTO strangers;
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION 'nodes have the extension "heartbeat" too, or do not answer: %', strangers
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'heartbeat runs on the coordinator alone: on each of these nodes, DROP EXTENSION heartbeat.';
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_check_cluster() IS 'Internal: an error unless this server is a Citus coordinator whose nodes are ready for the tables.';

CREATE FUNCTION heartbeat_distribute(shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    shards integer := shard_count;
    first_table text := format('%I.heartbeat_records', schema);
    name text;
    one record;
BEGIN
    IF shard_count NOT BETWEEN 1 AND 64000 THEN
        RAISE EXCEPTION 'heartbeat_distribute needs 1 to 64000 shards, not %', shard_count
            USING ERRCODE = 'invalid_parameter_value', HINT = 'Four a node, the default, are a good number.';
    END IF;
    EXECUTE format('SELECT %I.heartbeat_check_cluster()', schema);
    -- This lock waits for the current batch, as in heartbeat_pause(). The next batch waits until the tables have changed.
    EXECUTE format('LOCK TABLE %I.heartbeat_control IN SHARE ROW EXCLUSIVE MODE', schema);
    EXECUTE format('SELECT %I.heartbeat_require(NOT %1$I.heartbeat_is_distributed(), $1, $2, $3)', schema)
        USING 'the tables are distributed already', 'object_not_in_prerequisite_state',
              'citus_rebalance_start() uses nodes that were added since; alter_distributed_table() changes the number of shards.';
    IF shards IS NULL THEN
        EXECUTE 'SELECT greatest(4 * count(*), 4) FROM pg_dist_node WHERE shouldhaveshards AND noderole = ''primary''' INTO shards;
    END IF;
    -- Citus also looks at the functions that a view of a table calls. The text for one server calls a function of the extension,
    -- so Citus would create the extension on its nodes. Therefore the view must first get the text for distributed tables.
    EXECUTE format('SELECT %I.heartbeat_use_summary(true)', schema);
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending SET (autovacuum_vacuum_threshold = 10000,'
                   ' autovacuum_vacuum_scale_factor = 0)', schema); -- without Citus, the maintenance worker vacuums this table
    -- This table has no key. With the default replica identity, Citus could not move a shard of the table to another node while
    -- ingest writes to the shard.
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending REPLICA IDENTITY FULL', schema);
    FOR one IN SELECT x.indexrelid::regclass AS brin FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                     JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                     WHERE h.inhparent = first_table::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s SET (autosummarize = on)', one.brin);
    END LOOP;
    -- The tables leave the extension for two reasons. Citus creates on its nodes each object that a table depends on, so Citus
    -- would also create the extension there. And Citus cannot change a table of an extension.
    FOR name IN SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                JOIN pg_class c ON c.oid = d.objid
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND e.extname = 'heartbeat' AND c.relkind IN ('r', 'p', 'S')
                  AND c.relname ~ '^heartbeat_(records|anomalies|rollup)(_default|_pending|_id_seq)?$' LOOP
        EXECUTE format('ALTER EXTENSION heartbeat DROP %s %s', CASE WHEN name LIKE '%_id_seq%' THEN 'SEQUENCE' ELSE 'TABLE' END, name);
    END LOOP;
    EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', shard_count := $2, colocate_with := ''none'')'
        USING first_table::regclass, shards;
    FOREACH name IN ARRAY ARRAY['heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending'] LOOP
        EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', colocate_with := $2)'
            USING format('%I.%I', schema, name)::regclass, first_table;
    END LOOP;
    -- the rows that Citus has copied to its nodes are still on this server's disk
    FOR one IN SELECT c.oid::regclass AS spread FROM pg_class c
               WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind = 'r'
                 AND (c.relname = 'heartbeat_rollup_pending' OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                     first_table::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                     format('%I.heartbeat_rollup', schema)::regclass))) LOOP
        EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING one.spread;
    END LOOP;
    EXECUTE format('SELECT %I.heartbeat_record_event($1, NULL, $2)', schema)
        USING 'distribute', jsonb_build_object('shards', shards);
    EXECUTE format('SELECT %I.heartbeat_wake_workers()', schema);
END
$$;
COMMENT ON FUNCTION heartbeat_distribute(integer) IS
    'Spreads heartbeat_records, heartbeat_anomalies and the rollup over the nodes of the Citus cluster whose coordinator this '
    'server is, by customer_id, in so many shards (NULL: four a node), and takes them out of the extension. Ingest waits '
    'until their rows are copied, and goes on by itself. One transaction.';

-- For each table the function calls the functions that Citus itself calls for DROP TABLE, but does not drop the table. So the
-- tables keep their oids, to which views and functions are bound.
CREATE FUNCTION heartbeat_undistribute() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    one record;
    name text;
    item text;
BEGIN
    EXECUTE format('SELECT %I.heartbeat_require(%1$I.heartbeat_is_distributed(), $1, $2, $3)', schema)
        USING 'the tables are not distributed', 'object_not_in_prerequisite_state', 'There is nothing to undo.';
    EXECUTE format('LOCK TABLE %I.heartbeat_control IN SHARE ROW EXCLUSIVE MODE', schema);
    -- the rollup also takes this lock first: with the same order of locks, neither session can cause a deadlock
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema);
    EXECUTE 'SET LOCAL citus.multi_shard_modify_mode = sequential';
    CREATE TEMP TABLE heartbeat_spread ON COMMIT DROP AS
        SELECT c.oid::regclass AS spread, c.relname, c.relkind = 'r' AS has_rows, row_number() OVER () AS number
        FROM pg_class c
        WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind IN ('r', 'p')
          AND (c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending')
               OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                   format('%I.heartbeat_records', schema)::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                   format('%I.heartbeat_rollup', schema)::regclass)))
        ORDER BY c.relkind = 'p', c.relname;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', one.spread);
        IF one.has_rows THEN
            EXECUTE format('CREATE TEMP TABLE heartbeat_kept_%s ON COMMIT DROP AS SELECT * FROM %s', one.number, one.spread);
        END IF;
    END LOOP;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE 'SELECT master_remove_distributed_table_metadata_from_workers($1, $2, $3), citus_drop_all_shards($1, $2, $3),'
                ' master_remove_partition_metadata($1, $2, $3)' USING one.spread, schema, one.relname;
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING one.spread;
        FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = one.spread AND tgname LIKE 'truncate_trigger_%' LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', name, one.spread);
        END LOOP;
        IF one.has_rows THEN
            EXECUTE format('INSERT INTO %s SELECT * FROM pg_temp.heartbeat_kept_%s', one.spread, one.number);
        END IF;
    END LOOP;
    FOREACH item IN ARRAY ARRAY['TABLE heartbeat_records', 'TABLE heartbeat_anomalies', 'TABLE heartbeat_rollup',
        'TABLE heartbeat_rollup_pending', 'TABLE heartbeat_records_default', 'TABLE heartbeat_anomalies_default',
        'TABLE heartbeat_rollup_default', 'SEQUENCE heartbeat_records_id_seq', 'SEQUENCE heartbeat_anomalies_id_seq'] LOOP
        name := format('%I.%I', schema, split_part(item, ' ', 2));
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING name::regclass;
        EXECUTE format('ALTER EXTENSION heartbeat ADD %s %s', split_part(item, ' ', 1), name);
        -- this UPDATE does the work of pg_extension_config_dump(), because only an extension's script may call that function
        IF item ~ '_(default|pending|id_seq)$' THEN
            UPDATE pg_extension SET extconfig = extconfig || name::regclass::oid, extcondition = extcondition || ''::text
                WHERE extname = 'heartbeat';
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)', schema);
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending REPLICA IDENTITY DEFAULT', schema);
    FOR name IN SELECT x.indexrelid::regclass::text FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE h.inhparent = format('%I.heartbeat_records', schema)::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s RESET (autosummarize)', name);
    END LOOP;
    EXECUTE format('SELECT %I.heartbeat_use_summary(false)', schema);
    EXECUTE format('SELECT %I.heartbeat_record_event($1, NULL)', schema) USING 'undistribute';
    EXECUTE format('SELECT %I.heartbeat_wake_workers()', schema);
END
$$;
COMMENT ON FUNCTION heartbeat_undistribute() IS
    'Brings the tables that heartbeat_distribute() has spread back to this server, and into the extension. Their rows are '
    'copied twice here, in one transaction, and ingest waits for it.';

REVOKE ALL ON FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text), heartbeat_heard(text[], timestamptz),
    heartbeat_is_distributed(), heartbeat_use_summary(boolean), heartbeat_check_cluster(), heartbeat_distribute(integer),
    heartbeat_undistribute() FROM PUBLIC;

-- @check_objects@

-- @finish@

DO $$
BEGIN
    -- the update itself needs heartbeat_check_objects(), but version 1.1 does not have this function
    EXECUTE (SELECT format('DROP FUNCTION %I.heartbeat_check_objects()', n.nspname)
             FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
END
$$;
