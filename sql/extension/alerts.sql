--
-- These functions raise and close the alerts. The maintenance worker calls heartbeat_evaluate_alerts().
--

CREATE FUNCTION heartbeat_rules_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_rules_changed() IS
    'Internal: when the transaction commits, tells the maintenance worker to read heartbeat_alert_rules again.';

-- For each kind of rule, a function of alert_conditions.sql finds the conditions that are met. heartbeat_update_alerts() calls
-- only the functions of kinds that have an enabled rule. One call of heartbeat_update_alerts() raises at most 1,000 alerts and
-- closes at most 1,000 alerts. One call deletes up to 2,000 old closed alerts, more than a call raises, so heartbeat_alerts cannot
-- grow without limit. The call closes the alerts of deleted and disabled rules. For an enabled rule of kind silence, the call
-- closes the alerts that heartbeat_silences_ended() returns. For any other enabled rule, the call closes an alert of the rule if
-- the function of the rule's kind returns no row for this alert. While an alert of kind lag, dead_letters or state is open, the
-- call keeps `detail` up to date, and announces nothing. If the state has changed, the call writes `detail` at once, and otherwise
-- at most once a minute. The sources are compared by coalesce() = coalesce(), because PostgreSQL cannot hash IS NOT DISTINCT FROM:
-- a join of many alerts would take very long.
CREATE FUNCTION heartbeat_update_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    DELETE FROM heartbeat_alerts
        WHERE id IN (SELECT a.id FROM heartbeat_alerts a
                     WHERE a.closed_at IS NOT NULL
                       AND (a.closed_at, a.id) <= (SELECT k.closed_at, k.id FROM heartbeat_alerts k WHERE k.closed_at IS NOT NULL
                                                   ORDER BY k.closed_at DESC, k.id DESC OFFSET 10000 LIMIT 1)
                     ORDER BY a.closed_at, a.id LIMIT 2000);
    WITH rules AS MATERIALIZED (
        SELECT r.name, r.kind, r.customer_id FROM heartbeat_alert_rules r WHERE r.enabled
    ), slice AS MATERIALIZED ( -- a slice is the next 10,000 customers; if fewer remain, last_customer is NULL
        SELECT CASE WHEN count(*) = 10000 THEN max(c.customer_id COLLATE "C") END AS last_customer
        FROM heartbeat_customers_after(after_customer) c
        WHERE with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence' AND customer_id IS NULL)
    ), met AS MATERIALIZED (
        SELECT a.rule, a.subject, NULL AS source, true AS raises, a.detail FROM heartbeat_alerts_of_anomalies() a
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'anomalies')
        UNION ALL
        SELECT s.rule, s.subject, s.source, s.raises, s.detail FROM heartbeat_conditions_of_silence(after_customer) s
            WHERE with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence')
        UNION ALL
        SELECT l.rule, l.subject, l.source, l.raises, l.detail FROM heartbeat_conditions_of_lag() l
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'lag')
        UNION ALL
        SELECT d.rule, d.subject, d.source, d.raises, d.detail FROM heartbeat_conditions_of_dead_letters() d
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'dead_letters')
        UNION ALL
        SELECT s.rule, s.subject, s.source, s.raises, s.detail FROM heartbeat_conditions_of_state() s
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'state')
    ), raised AS (
        INSERT INTO heartbeat_alerts (rule, subject, source, detail)
            SELECT m.rule, m.subject, m.source, m.detail FROM met m
            WHERE m.raises
              -- a customer has at most one open alert of a silence rule, also if the customer's source has changed
              AND NOT EXISTS (SELECT FROM heartbeat_alerts o
                              WHERE o.rule = m.rule AND o.subject = m.subject AND o.closed_at IS NULL
                                AND (coalesce(o.source, '') = coalesce(m.source, '') OR m.detail->>'kind' = 'silence'))
            ORDER BY m.rule COLLATE "C", m.subject COLLATE "C", m.source COLLATE "C" LIMIT 1000
            ON CONFLICT DO NOTHING
            RETURNING id, rule, subject, raised_at, closed_at, detail, source
    ), followed AS (
        UPDATE heartbeat_alerts a SET detail = m.detail, detail_at = clock_timestamp()
            FROM met m
            WHERE a.closed_at IS NULL AND a.rule = m.rule AND a.subject = m.subject AND coalesce(a.source, '') = coalesce(m.source, '')
              AND m.detail <> a.detail AND m.detail->>'kind' IN ('lag', 'dead_letters', 'state')
              AND (m.detail->>'state' <> a.detail->>'state' OR NOT heartbeat_is_recent(a.detail_at, interval '1 minute'))
    ), over AS (
        SELECT o.id
        FROM heartbeat_alerts o LEFT JOIN rules r ON r.name = o.rule
        WHERE o.closed_at IS NULL
          AND CASE WHEN r.name IS NULL THEN true
                   WHEN r.kind = 'silence' THEN
                       (r.customer_id IS NOT NULL AND r.customer_id <> o.subject)
                       OR o.id IN (SELECT e.id FROM slice b, heartbeat_silences_ended(after_customer, b.last_customer) e (id)
                                   WHERE with_silence)
                   ELSE NOT EXISTS (SELECT FROM met m WHERE m.rule = o.rule AND m.subject = o.subject
                                                        AND coalesce(m.source, '') = coalesce(o.source, '')) END
        ORDER BY o.id LIMIT 1000
    ), closed AS (
        UPDATE heartbeat_alerts a SET closed_at = clock_timestamp() FROM over WHERE a.id = over.id
            RETURNING a.id, a.rule, a.subject, a.raised_at, a.closed_at, a.detail, a.source
    ), told AS MATERIALIZED (
        SELECT t.closed_at,
               heartbeat_notify('heartbeat_alert', json_build_object(
                   'alert', CASE WHEN t.closed_at IS NULL THEN 'raised' ELSE 'closed' END, 'id', t.id, 'rule', t.rule,
                   'subject', t.subject, 'raised_at', t.raised_at, 'closed_at', t.closed_at, 'detail', t.detail, 'source', t.source)::text)
        FROM (SELECT * FROM raised UNION ALL SELECT * FROM closed) t
    )
    SELECT count(*) FILTER (WHERE t.closed_at IS NULL), count(t.closed_at),
           (SELECT count(*) FROM heartbeat_alerts a WHERE a.closed_at IS NULL) + count(*) FILTER (WHERE t.closed_at IS NULL)
               - count(t.closed_at),
           EXISTS (SELECT FROM rules WHERE kind = 'anomalies'),
           EXISTS (SELECT FROM rules WHERE kind <> 'anomalies'),
           (SELECT last_customer FROM slice)
    FROM told t;
END;
COMMENT ON FUNCTION heartbeat_update_alerts(text, boolean) IS
    'Internal: does the work of heartbeat_evaluate_alerts() after its checks.';

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
    'Internal: raises and closes alerts by the enabled rules, and announces each alert by NOTIFY heartbeat_alert. The '
    'maintenance worker calls the function a second after readings have arrived. If a rule or an open alert depends on the '
    'clock, the maintenance worker also calls the function every five seconds. The function evaluates silence rules only if '
    'with_silence is true.';
