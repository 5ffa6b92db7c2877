--
-- The conditions of the alert rules: one function for each kind of rule. Each function looks at all rules of its kind. It returns
-- a row for each alert that heartbeat must raise or leave open: the rule, the subject, the source and the detail, as in
-- heartbeat_alerts. If `raises` is true, the condition of the rule is met now. If `raises` is false, heartbeat raises no alert,
-- but an open alert stays open. For example, the lag is not known after a restart. If `detail` is NULL, the open alert keeps its
-- detail. heartbeat_update_alerts() raises, updates and closes the alerts. The state of one source does not change the alerts
-- about other sources.
--
-- No function reads a whole table of readings or customers. For a rule of kind anomalies, the function has two queries on recent
-- anomalies, and reads at most the newest 100,000 rows of each query. For the rules of kind silence, each call reads the next
-- 10,000 customers, and the customers that a rule names. The functions of the other kinds read only the counters and the status.
-- The functions for lag and state read no table that ingest locks: if a lock stops ingest, heartbeat must still raise an alert.
--

-- The rows of heartbeat_anomalies can be on other servers, and a query on these rows cannot also read a table of this server. So
-- the queries of this function read no other table.
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
    -- The device's clock can be wrong: event_timestamp can be later than the arrival by more than `skew`. For such anomalies this
    -- query returns ingested_at, the time of arrival, instead of event_timestamp.
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

-- If `moment` is more than a minute in the future, the server's clock was set back, and the function returns false.
CREATE FUNCTION heartbeat_is_recent(moment timestamptz, age interval) RETURNS boolean
    LANGUAGE sql VOLATILE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT coalesce(moment > clock_timestamp() - age AND moment < clock_timestamp() + interval '1 minute', false);
END;
COMMENT ON FUNCTION heartbeat_is_recent(timestamptz, interval) IS
    'Internal: returns whether the time lies in the past, but not further than the given age.';

-- A silence rule examines a customer only if two conditions are true for the source of the customer's last reading. The source is
-- RUNNING, and its lag is known and shorter than the rule's period. If an ingest worker does not run, its Kafka partitions are not
-- read, so the lag is not known. The source must have been RUNNING for 15 seconds, for two reasons. First, a source that is
-- RETRYING is RUNNING for a moment during each attempt. Second, the workers do not know the lag for some seconds after a start. If
-- no arrival of the customer is recorded, or if the source of the last reading was dropped, the customer can send to any source.
-- So all sources must then be RUNNING. The function measures the silence of a customer from heartbeat_customers.heard_until, a
-- time shortly after the arrival of the customer's last reading.
CREATE FUNCTION heartbeat_conditions_of_silence(after_customer text, OUT rule text, OUT subject text, OUT source text, OUT raises boolean,
                                                OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH sources AS MATERIALIZED (
        SELECT d.name, x.lag_seconds,
               coalesce(x.state = 'RUNNING' AND x.lag_messages IS NOT NULL, false)
                   AND NOT heartbeat_is_recent(x.running_since, interval '15 seconds') AS runs
        FROM heartbeat_source_definitions d LEFT JOIN heartbeat_source_states() x ON x.source_id = d.source_id
        WHERE d.dropped_at IS NULL
    ), running AS MATERIALIZED (
        SELECT s.name, s.lag_seconds FROM sources s WHERE s.runs
        UNION ALL
        SELECT NULL, max(s.lag_seconds) FROM sources s WHERE heartbeat_ingest_state() = 'RUNNING' HAVING bool_and(s.runs)
    )
    SELECT w.rule, w.customer_id, n.name, true,
           jsonb_strip_nulls(jsonb_build_object('kind', 'silence', 'period', w.period, 'source', n.name))
    FROM (SELECT r.name AS rule, r.period, c.customer_id, c.heard_until, c.source
          FROM heartbeat_alert_rules r
               CROSS JOIN (SELECT n.customer_id, n.heard_until, n.source FROM heartbeat_customers n
                           WHERE n.customer_id > coalesce(after_customer, '') ORDER BY n.customer_id LIMIT 10000) c
          WHERE r.enabled AND r.kind = 'silence' AND r.customer_id IS NULL
          UNION ALL
          SELECT r.name, r.period, c.customer_id, c.heard_until, c.source
          FROM heartbeat_alert_rules r JOIN heartbeat_customers c ON c.customer_id = r.customer_id
          WHERE r.enabled AND r.kind = 'silence') w
         LEFT JOIN sources n ON n.name = w.source
         JOIN running s ON coalesce(s.name, '') = coalesce(n.name, '') AND s.lag_seconds < extract(epoch FROM w.period)
    WHERE w.heard_until < now() - w.period AND w.heard_until > now() - w.period - interval '1 day';
END;
COMMENT ON FUNCTION heartbeat_conditions_of_silence(text) IS
    'Internal: returns a row for each enabled rule of kind silence and each customer for whom the condition is met. The '
    'function examines the 10,000 customers after the given customer, and the customers that a rule names.';

CREATE FUNCTION heartbeat_silences_ended(after_customer text, last_customer text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.id
    FROM heartbeat_alerts o JOIN heartbeat_alert_rules r ON r.name = o.rule LEFT JOIN heartbeat_customers c ON c.customer_id = o.subject
    WHERE o.closed_at IS NULL AND r.enabled AND r.kind = 'silence'
      AND (c.customer_id IS NULL OR c.heard_until >= now() - r.period)
      AND (r.customer_id IS NOT NULL
           OR o.subject > coalesce(after_customer, '') AND (last_customer IS NULL OR o.subject <= last_customer));
END;
COMMENT ON FUNCTION heartbeat_silences_ended(text, text) IS
    'Internal: returns the ids of the open alerts of enabled rules of kind silence that must be closed. An alert must be closed in '
    'two cases: the last reading of the customer (heard_until) is not older than the period of the rule, or heartbeat_customers no '
    'longer has the customer. The function examines the customers after after_customer, up to last_customer (NULL: no upper limit), '
    'and the customers that a rule names.';

-- An open alert stays open while the lag of the source is not known. The alert also stays open in the first ten seconds after a
-- change of the source's state, for example after a restart. In these seconds the workers may not know all Kafka partitions yet,
-- so the reported lag can be too small.
CREATE FUNCTION heartbeat_conditions_of_lag(OUT rule text, OUT subject text, OUT source text, OUT raises boolean, OUT detail jsonb)
    RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, coalesce(d.topic, current_setting('heartbeat.topic')), d.name, coalesce(x.lag_messages > r.threshold, false),
           CASE WHEN x.lag_messages > r.threshold THEN
               jsonb_build_object('kind', r.kind, 'source', d.name, 'lag_messages', x.lag_messages) END
    FROM heartbeat_alert_rules r CROSS JOIN heartbeat_source_definitions d
         LEFT JOIN heartbeat_source_states() x ON x.source_id = d.source_id
    WHERE r.enabled AND r.kind = 'lag' AND d.dropped_at IS NULL
      AND (coalesce(x.lag_messages > r.threshold, true)
           OR heartbeat_is_recent(greatest(x.running_since, x.not_running_since), interval '10 seconds'));
END;
COMMENT ON FUNCTION heartbeat_conditions_of_lag() IS
    'Internal: returns a row for each enabled rule of kind lag and each source whose lag is above the threshold or not known.';

CREATE FUNCTION heartbeat_conditions_of_dead_letters(OUT rule text, OUT subject text, OUT source text, OUT raises boolean,
                                                     OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, 'pipeline', d.source, true, jsonb_build_object('kind', r.kind, 'source', d.source, 'dead_letters', d.unresolved)
    FROM heartbeat_alert_rules r
         JOIN (SELECT o.source, sum(o.unresolved) AS unresolved
               FROM (SELECT p.source, p.dead_letters::numeric - p.dead_letters_deleted AS unresolved FROM heartbeat_offsets p
                     UNION ALL
                     SELECT p.source, p.dead_letters::numeric - p.dead_letters_deleted FROM heartbeat_dropped_offsets p) o
               GROUP BY o.source) d ON d.unresolved > r.threshold
    WHERE r.enabled AND r.kind = 'dead_letters';
END;
COMMENT ON FUNCTION heartbeat_conditions_of_dead_letters() IS
    'Internal: returns a row for each enabled rule of kind dead_letters and each source for which the condition is met. Dead letters '
    'of a dropped source count too.';

-- A row with the source NULL is about a common problem, not about one source. There are three common problems: the workers do not
-- run, a duty of the maintenance worker fails, or all sources are paused. While all sources are paused, an alert about one source
-- is raised only if this source is FAILED. If no worker reads a source yet, and there is a common problem, no alert about the
-- source is raised: the common problem can be the cause. After a restart, a source can be RUNNING for a moment until the same
-- error occurs again. So an alert about a source is closed only when the source has been RUNNING for ten seconds in all ingest
-- workers. After a restart the maintenance worker does not know which of its duties failed before. So an alert about a duty stays
-- open until the duty has succeeded, or until two hours have passed. If another session has locked heartbeat_control, the pauses
-- are not known, so the alerts about a pause stay open.
CREATE FUNCTION heartbeat_conditions_of_state(OUT rule text, OUT subject text, OUT source text, OUT raises boolean, OUT detail jsonb)
    RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH pause AS MATERIALIZED (
        SELECT p.known, p.since, p.reason FROM heartbeat_pause_of('') p
    ), forgotten AS MATERIALIZED ( -- the duty of an open alert, if this duty has not succeeded since the restart
        SELECT o.detail->>'duty' AS duty
        FROM heartbeat_alerts o, heartbeat_maintenance_duties() m, heartbeat_maintenance_started() AS started
        WHERE o.closed_at IS NULL AND o.source IS NULL AND m.duty = o.detail->>'duty' AND coalesce(m.done_at < started, true)
          AND heartbeat_is_recent(started, interval '2 hours')
    ), common AS MATERIALIZED (
        SELECT c.state, min(c.since) OVER () AS since, c.reason,
               coalesce(max(c.duty) OVER (), (SELECT max(f.duty) FROM forgotten f)) AS duty
        FROM (SELECT 1 AS place, s.state, s.since, s.reason, NULL AS duty FROM heartbeat_status s WHERE s.state = 'STOPPED'
              UNION ALL -- CONNECTING: the workers are starting. A pause tells a person more.
              SELECT CASE t.state WHEN 'CONNECTING' THEN 4 ELSE 2 END, t.state, t.since, t.reason, t.duty FROM heartbeat_common_trouble() t
              UNION ALL
              SELECT 3, 'PAUSED', p.since, p.reason, NULL FROM pause p WHERE p.since IS NOT NULL) c
        ORDER BY c.place LIMIT 1
    ), troubles AS MATERIALIZED (
        SELECT NULL AS source, c.state, c.since, c.reason, c.duty, true AS raises FROM common c
        UNION ALL
        SELECT d.name, coalesce(x.state, 'CONNECTING'),
               coalesce(least(x.since, x.not_running_since), d.changed_at, d.added_at),
               CASE WHEN x.state IS NULL THEN 'no worker reads the source yet' WHEN x.state = 'PAUSED' THEN h.reason ELSE x.reason END,
               NULL,
               CASE WHEN p.since IS NOT NULL THEN coalesce(x.state = 'FAILED', false)
                    WHEN x.state = 'PAUSED' THEN h.since IS NOT NULL
                    ELSE x.state IS NOT NULL OR NOT EXISTS (SELECT FROM common) END
        FROM pause p CROSS JOIN heartbeat_source_definitions d
             LEFT JOIN heartbeat_source_states() x ON x.source_id = d.source_id
             CROSS JOIN LATERAL heartbeat_pause_of(CASE WHEN x.state = 'PAUSED' THEN d.name END) h
        WHERE d.dropped_at IS NULL AND x.state IS DISTINCT FROM 'RUNNING'
    ), settling AS MATERIALIZED (
        SELECT d.name AS source
        FROM heartbeat_source_definitions d JOIN heartbeat_source_states() x ON x.source_id = d.source_id
        WHERE d.dropped_at IS NULL AND x.state = 'RUNNING'
          AND (heartbeat_is_recent(x.running_since, interval '10 seconds')
               OR x.workers < current_setting('heartbeat.workers', true)::integer)
        UNION ALL
        SELECT NULL
        WHERE NOT EXISTS (SELECT FROM common)
          AND (EXISTS (SELECT FROM forgotten) OR EXISTS (SELECT FROM pause p WHERE NOT p.known))
    )
    SELECT r.name, 'pipeline', t.source,
           -- If `since` is in the future, the server's clock was set back, and heartbeat does not know how long the state has
           -- lasted. The condition is then met.
           t.raises AND coalesce(t.since <= clock_timestamp() - r.period OR t.since > clock_timestamp() + interval '1 minute', true),
           CASE WHEN t.state <> 'PAUSED' OR t.reason IS NOT NULL THEN
               jsonb_strip_nulls(jsonb_build_object('kind', r.kind, 'source', t.source, 'state', t.state, 'reason', t.reason,
                                                    'duty', t.duty)) END
    FROM heartbeat_alert_rules r CROSS JOIN troubles t
    WHERE r.enabled AND r.kind = 'state'
    UNION ALL
    SELECT r.name, 'pipeline', s.source, false, NULL
    FROM heartbeat_alert_rules r CROSS JOIN settling s
    WHERE r.enabled AND r.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_conditions_of_state() IS
    'Internal: returns a row for each enabled rule of kind state and each source that is not RUNNING or has not been RUNNING for ten '
    'seconds. Returns a row with the source NULL if workers do not run, if a duty of the maintenance worker fails, or if all sources '
    'are paused together.';
