--
-- The conditions of the alert rules: one function for each kind of rule. Each function looks at all rules of its kind, and returns
-- an alert if the condition of a rule is met now. An alert consists of the rule, the subject and the detail, as in
-- heartbeat_alerts. heartbeat_update_alerts() raises and closes the alerts.
--
-- No function reads a whole table of readings or customers. For a rule of kind anomalies the function reads only anomalies of the
-- rule's period and of the minute before the period. The function uses at most the newest 100,000 results of each of two queries.
-- For the rules of kind silence, each call reads the next 10,000 customers, and the customers that a rule names. The functions of
-- the other kinds read only the counters and the status.
--

-- The rows of heartbeat_anomalies can be on other servers. A query on rows of other servers cannot also read a table of this
-- server. So the queries of this function read only heartbeat_anomalies.
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
    -- This query returns the anomalies whose event_timestamp is later than their arrival by more than `skew`. For these anomalies
    -- the query returns the time of arrival, and not event_timestamp.
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.ingested_at FROM %1$s h'
        ' WHERE h.event_timestamp > h.ingested_at AND h.event_timestamp > h.ingested_at + $2 AND h.ingested_at > $1'
        ' AND h.event_timestamp > $1 AND ($3 IS NULL OR h.customer_id = $3) AND ($4 IS NULL OR h.anomaly_type = $4)'
        ' ORDER BY h.ingested_at DESC LIMIT 100000', anomalies)
        USING since, skew, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, interval, text, text) IS
    'Internal: returns the newest 100,000 anomalies between two times. It also returns the newest 100,000 anomalies whose '
    'event_timestamp is ahead of their arrival by more than the clock skew. For these anomalies it returns the arrival as the '
    'time. A customer and an anomaly type can restrict the result.';

-- The function looks at the anomalies of the rule's period and of the minute before the period, because readings can arrive late.
CREATE FUNCTION heartbeat_alerts_of_anomalies(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, a.customer_id,
           jsonb_build_object('kind', r.kind, 'anomalies', max(a.within), 'period', r.period, 'last_event', max(a.event_timestamp))
    FROM heartbeat_alert_rules r, LATERAL (
        SELECT n.customer_id, n.event_timestamp,
               count(*) OVER (PARTITION BY n.customer_id ORDER BY n.event_timestamp
                              RANGE BETWEEN r.period PRECEDING AND CURRENT ROW) AS within
        FROM heartbeat_newest_anomalies('heartbeat_anomalies'::regclass, now() - r.period - interval '1 minute',
                                        now() + heartbeat_max_clock_skew(), heartbeat_max_clock_skew(), r.customer_id, r.anomaly_type) n) a
    WHERE r.enabled AND r.kind = 'anomalies'
    GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
    HAVING max(a.within) >= r.threshold;
END;
COMMENT ON FUNCTION heartbeat_alerts_of_anomalies() IS
    'Internal: returns an alert for each enabled rule of kind anomalies and each customer for whom the condition is met.';

-- heartbeat evaluates a silence rule only while the consumer lag is shorter than the rule's period. The function measures the
-- silence of a customer from heartbeat_customers.heard_until, a time shortly after the arrival of the customer's last reading.
CREATE FUNCTION heartbeat_alerts_of_silence(after_customer text, OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.rule, w.customer_id, jsonb_build_object('kind', 'silence', 'period', w.period)
    FROM (SELECT r.name AS rule, r.period, c.customer_id, c.heard_until
          FROM heartbeat_alert_rules r CROSS JOIN heartbeat_customers_after(after_customer) c
          WHERE r.enabled AND r.kind = 'silence' AND r.customer_id IS NULL
          UNION ALL
          SELECT r.name, r.period, c.customer_id, c.heard_until
          FROM heartbeat_alert_rules r JOIN heartbeat_customers c ON c.customer_id = r.customer_id
          WHERE r.enabled AND r.kind = 'silence') w
         JOIN heartbeat_status s ON coalesce(s.lag_seconds, 0) < extract(epoch FROM w.period)
    WHERE (SELECT heartbeat_ingest_state()) = 'RUNNING'
      AND w.heard_until < now() - w.period AND w.heard_until > now() - w.period - interval '1 day';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_silence(text) IS
    'Internal: returns an alert for each enabled rule of kind silence and each customer for whom the condition is met. The '
    'function examines the 10,000 customers after the given customer, and the customers that a rule names.';

CREATE FUNCTION heartbeat_silences_ended(after_customer text, last_customer text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.id
    FROM heartbeat_alerts o JOIN heartbeat_alert_rules r ON r.name = o.rule JOIN heartbeat_customers c ON c.customer_id = o.subject
    WHERE o.closed_at IS NULL AND r.enabled AND r.kind = 'silence' AND c.heard_until >= now() - r.period
      AND (r.customer_id IS NOT NULL
           OR o.subject > coalesce(after_customer, '') AND (last_customer IS NULL OR o.subject <= last_customer));
END;
COMMENT ON FUNCTION heartbeat_silences_ended(text, text) IS
    'Internal: returns the ids of open alerts of kind silence whose customer has sent a reading since the alert was raised. '
    'The function examines the customers after after_customer, up to last_customer (NULL: no upper limit), and the customers '
    'that a rule names.';

CREATE FUNCTION heartbeat_alerts_of_lag(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, current_setting('heartbeat.topic'), jsonb_build_object('kind', r.kind, 'lag_messages', s.lag_messages)
    FROM heartbeat_alert_rules r JOIN heartbeat_status s ON s.lag_messages > r.threshold
    WHERE r.enabled AND r.kind = 'lag';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_lag() IS
    'Internal: returns an alert for each enabled rule of kind lag, if the condition is met.';

CREATE FUNCTION heartbeat_alerts_of_dead_letters(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'dead_letters', d.unresolved)
    FROM heartbeat_alert_rules r,
         (SELECT coalesce(sum(o.unresolved), 0) AS unresolved
          FROM (SELECT p.dead_letters::numeric - p.dead_letters_deleted AS unresolved FROM heartbeat_offsets p
                UNION ALL SELECT p.dead_letters::numeric - p.dead_letters_deleted FROM heartbeat_dropped_offsets p) o) d
    WHERE r.enabled AND r.kind = 'dead_letters' AND d.unresolved > r.threshold;
END;
COMMENT ON FUNCTION heartbeat_alerts_of_dead_letters() IS
    'Internal: returns an alert for each enabled rule of kind dead_letters, if the condition is met.';

CREATE FUNCTION heartbeat_alerts_of_state(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'state', s.state, 'reason', s.reason)
    FROM heartbeat_alert_rules r
         JOIN heartbeat_status s ON s.state <> 'RUNNING'
             -- If `since` is in the future, somebody has set the server's clock back. heartbeat then does not know how long the
             -- state has lasted, and the condition counts as met.
             AND coalesce(s.since <= clock_timestamp() - r.period OR s.since > clock_timestamp() + interval '1 minute', true)
    WHERE r.enabled AND r.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_state() IS
    'Internal: returns an alert for each enabled rule of kind state, if the condition is met.';
