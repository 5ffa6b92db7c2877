CREATE FUNCTION heartbeat_rules_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_rules_changed() IS
    'Internal: when the transaction commits, tells the maintenance worker to look at heartbeat_alert_rules again.';
-- What is asked of the readings is asked by functions: on one server and on the nodes of a cluster, which answer no query
-- that has the coordinator's tables in it, too.
CREATE FUNCTION heartbeat_newest_anomalies(anomalies regclass, since timestamptz, until timestamptz, only_customer text,
                                           only_type text, OUT customer_id text, OUT event_timestamp timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.event_timestamp FROM %s h'
        ' WHERE h.event_timestamp > $1 AND h.event_timestamp < $2 AND ($3 IS NULL OR h.customer_id = $3)'
        ' AND ($4 IS NULL OR h.anomaly_type = $4) ORDER BY h.event_timestamp DESC LIMIT 100000', anomalies)
        USING since, until, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, text, text) IS
    'Internal: of the anomalies between two times the newest 100,000, of a customer and a type where they are given.';

-- As subqueries with a LIMIT customers are looked up in the partitions' keys, whatever the planner thinks of the tables.
-- On nodes, first who was heard in the last minute: of the others there are few readings in all of the time.
CREATE FUNCTION heartbeat_heard(records regclass, anomalies regclass, distributed boolean, customers text[], since timestamptz)
    RETURNS SETOF text
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    heard text[];
BEGIN
    IF NOT distributed THEN
        RETURN QUERY EXECUTE format(
            'SELECT w.customer_id FROM unnest($1) w (customer_id)'
            ' WHERE (SELECT true FROM %1$s h WHERE h.customer_id = w.customer_id AND h.event_timestamp > $2 LIMIT 1)'
            '    OR (SELECT true FROM %2$s h WHERE h.customer_id = w.customer_id AND h.event_timestamp > $2 LIMIT 1)',
            records, anomalies) USING customers, since;
        RETURN;
    END IF;
    EXECUTE format('SELECT array_agg(DISTINCT h.customer_id) FROM %s h'
                   ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2', records)
        INTO heard USING customers, greatest(since, now() - interval '1 minute');
    heard := coalesce(heard, '{}');
    RETURN QUERY SELECT unnest(heard);
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id FROM %1$s h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2'
        ' UNION SELECT h.customer_id FROM %2$s h WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2',
        records, anomalies) USING ARRAY(SELECT unnest(customers) EXCEPT SELECT unnest(heard)), since;
END
$$;
COMMENT ON FUNCTION heartbeat_heard(regclass, regclass, boolean, text[], timestamptz) IS
    'Internal: those of some customers who have a reading after a time.';

-- Index ranges only, and at most so much of each: the newest 100,000 anomalies of a rule's time, 10,000 customers a call
-- (in turn: the caller gives back what it got), 1,000 alerts raised a call. A window begins a minute earlier than the
-- rule's period, for readings that arrive late. Who is silent cannot be told while ingest is behind.
CREATE FUNCTION heartbeat_update_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
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
            FROM heartbeat_newest_anomalies('heartbeat_anomalies'::regclass, now() - r.period - interval '1 minute', now() + interval '1 minute',
                                            r.customer_id, r.anomaly_type) n) a
        WHERE r.kind = 'anomalies'
        GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
        HAVING max(a.within) >= r.threshold
    ), watched AS MATERIALIZED ( -- each customer whose silence is looked at now
        SELECT r.name AS rule, r.kind, r.period, c.customer_id
        FROM rules r JOIN slice c ON r.customer_id IS NULL WHERE r.kind = 'silence'
        UNION ALL
        SELECT r.name, r.kind, r.period, r.customer_id
        FROM rules r WHERE r.kind = 'silence' AND r.customer_id IS NOT NULL AND with_silence
    ), silences AS MATERIALIZED ( -- and those whose silence may be over
        SELECT o.id, o.subject, r.period
        FROM heartbeat_alerts o JOIN rules r ON r.name = o.rule, bounds b
        WHERE o.closed_at IS NULL AND r.kind = 'silence' AND with_silence
          AND (r.customer_id IS NOT NULL OR o.subject > b.after AND (b.up_to IS NULL OR o.subject <= b.up_to))
    ), heard AS MATERIALIZED (
        SELECT p.period, h.customer_id
        FROM (SELECT q.period, array_agg(DISTINCT q.customer_id) AS customers
              FROM (SELECT w.period, w.customer_id FROM watched w UNION SELECT l.period, l.subject FROM silences l) q
              GROUP BY q.period) p,
             heartbeat_heard('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, heartbeat_is_distributed(), p.customers,
                             now() - p.period) h (customer_id)
    ), heard_again AS MATERIALIZED (
        SELECT l.id FROM silences l JOIN heard h ON h.period = l.period AND h.customer_id = l.subject
    ), unheard AS MATERIALIZED (
        SELECT w.rule, w.kind, w.period, w.customer_id
        FROM watched w JOIN status s ON s.state = 'RUNNING' AND s.lag_seconds < extract(epoch FROM w.period)
        WHERE (w.period, w.customer_id) NOT IN (SELECT h.period, h.customer_id FROM heard h)
    ), silence AS (
        SELECT u.rule, u.customer_id AS subject, jsonb_build_object('kind', u.kind, 'period', u.period) AS detail
        FROM (SELECT n.period, array_agg(DISTINCT n.customer_id) AS customers FROM unheard n GROUP BY n.period) p,
             heartbeat_heard('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, heartbeat_is_distributed(), p.customers,
                             now() - p.period - interval '1 day') h (customer_id),
             unheard u
        WHERE u.period = p.period AND u.customer_id = h.customer_id
    ), pipeline AS (
        SELECT r.name AS rule, current_setting('heartbeat.topic') AS subject,
               jsonb_build_object('kind', r.kind, 'lag_messages', s.lag_messages) AS detail
        FROM rules r JOIN status s ON s.lag_messages > r.threshold WHERE r.kind = 'lag'
        UNION ALL
        SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'dead_letters', d.unresolved)
        FROM rules r, (SELECT coalesce(sum(o.dead_letters::numeric - o.dead_letters_deleted), 0) AS unresolved
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
    ), over AS ( -- at most as many as are looked at: a silence is over when its customer is heard
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
               heartbeat_notify('heartbeat_alert', json_build_object(
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
COMMENT ON FUNCTION heartbeat_update_alerts(text, boolean) IS 'Internal: what heartbeat_evaluate_alerts() does, once it may.';

CREATE FUNCTION heartbeat_evaluate_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_alerts'::regclass]);
    SELECT a.raised, a.closed, a.open, a.on_arrival, a.on_clock, a.next_customer
        FROM heartbeat_update_alerts(after_customer, with_silence) a;
END;
COMMENT ON FUNCTION heartbeat_evaluate_alerts(text, boolean) IS
    'Internal: raises and closes alerts by the enabled rules, and announces each by NOTIFY heartbeat_alert. The worker calls '
    'it a second after readings have arrived, and each five seconds, with silence, while a rule or an open alert goes by the '
    'clock.';
