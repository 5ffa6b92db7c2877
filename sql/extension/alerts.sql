CREATE FUNCTION heartbeat_rules_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_rules_changed() IS
    'Internal: when the transaction commits, tells the maintenance worker to look at heartbeat_alert_rules again.';
-- What is asked of the readings is asked by functions: on one server and on the nodes of a cluster, which answer no query
-- that has the coordinator's tables in it, too.
CREATE FUNCTION heartbeat_newest_anomalies(anomalies regclass, since timestamptz, until timestamptz, skew interval, only_customer text,
                                           only_type text, OUT customer_id text, OUT event_timestamp timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.event_timestamp FROM %1$s h'
        ' WHERE h.event_timestamp > $1 AND h.event_timestamp < $2 AND h.event_timestamp <= h.ingested_at + $3'
        ' AND ($4 IS NULL OR h.customer_id = $4) AND ($5 IS NULL OR h.anomaly_type = $5)'
        ' ORDER BY h.event_timestamp DESC LIMIT 100000', anomalies)
        USING since, until, skew, only_customer, only_type;
    -- of clocks that are further ahead: by arrival
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.ingested_at FROM %1$s h'
        ' WHERE h.event_timestamp > h.ingested_at AND h.event_timestamp > h.ingested_at + $2 AND h.ingested_at > $1'
        ' AND h.event_timestamp > $1 AND ($3 IS NULL OR h.customer_id = $3) AND ($4 IS NULL OR h.anomaly_type = $4)'
        ' ORDER BY h.ingested_at DESC LIMIT 100000', anomalies)
        USING since, skew, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, interval, text, text) IS
    'Internal: of the anomalies between two times the newest 100,000, and as many of clocks that are further ahead, with their '
    'arrival; of a customer and a type where they are given.';

-- Index ranges only, and at most so much of each: the newest 100,000 anomalies of a rule's time, 10,000 customers a call
-- (in turn: the caller gives back what it got), 1,000 alerts raised a call. A window begins a minute earlier than the
-- rule's period, for readings that arrive late. Who is silent cannot be told while ingest is behind; it goes by arrival, as
-- heartbeat_customers has it.
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
        SELECT c.customer_id, c.heard_until FROM heartbeat_customers c
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
            FROM heartbeat_newest_anomalies('heartbeat_anomalies'::regclass, now() - r.period - interval '1 minute',
                                            now() + heartbeat_max_clock_skew(), heartbeat_max_clock_skew(), r.customer_id, r.anomaly_type) n) a
        WHERE r.kind = 'anomalies'
        GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
        HAVING max(a.within) >= r.threshold
    ), silence AS ( -- of the customers whose silence is looked at now
        SELECT w.rule, w.customer_id AS subject, jsonb_build_object('kind', 'silence', 'period', w.period) AS detail
        FROM (SELECT r.name AS rule, r.period, c.customer_id, c.heard_until
              FROM rules r JOIN slice c ON r.customer_id IS NULL WHERE r.kind = 'silence'
              UNION ALL
              SELECT r.name, r.period, c.customer_id, c.heard_until
              FROM rules r JOIN heartbeat_customers c ON c.customer_id = r.customer_id WHERE r.kind = 'silence' AND with_silence) w
             JOIN status s ON heartbeat_ingest_state() = 'RUNNING' AND s.lag_seconds < extract(epoch FROM w.period)
        WHERE w.heard_until < now() - w.period AND w.heard_until > now() - w.period - interval '1 day'
    ), heard_again AS MATERIALIZED (
        SELECT o.id
        FROM heartbeat_alerts o JOIN rules r ON r.name = o.rule JOIN heartbeat_customers c ON c.customer_id = o.subject, bounds b
        WHERE o.closed_at IS NULL AND r.kind = 'silence' AND with_silence AND c.heard_until >= now() - r.period
          AND (r.customer_id IS NOT NULL OR o.subject > b.after AND (b.up_to IS NULL OR o.subject <= b.up_to))
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
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_alerts'::regclass, 'heartbeat_customers'::regclass]);
    SELECT heartbeat_find_heard(after_customer)
        WHERE with_silence AND EXISTS (SELECT FROM heartbeat_alert_rules r WHERE r.enabled AND r.kind = 'silence');
    SELECT a.raised, a.closed, a.open, a.on_arrival, a.on_clock, a.next_customer
        FROM heartbeat_update_alerts(after_customer, with_silence) a;
END;
COMMENT ON FUNCTION heartbeat_evaluate_alerts(text, boolean) IS
    'Internal: raises and closes alerts by the enabled rules, and announces each by NOTIFY heartbeat_alert. The worker calls '
    'it a second after readings have arrived, and each five seconds, with silence, while a rule or an open alert goes by the '
    'clock.';
