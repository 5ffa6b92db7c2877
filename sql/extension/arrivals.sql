--
-- These functions store the time at which the last reading of each customer arrived. The time is from the server's clock, because
-- the clock of a device can be wrong.
--

CREATE FUNCTION heartbeat_max_clock_skew() RETURNS interval
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_classify(0); -- loads the library, which defines heartbeat.max_clock_skew
    SELECT current_setting('heartbeat.max_clock_skew')::interval;
END;
COMMENT ON FUNCTION heartbeat_max_clock_skew() IS 'Internal: returns heartbeat.max_clock_skew as an interval.';

CREATE FUNCTION heartbeat_move_arrivals() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH taken AS (
        DELETE FROM heartbeat_arrivals RETURNING customer_id, heard_until, source
    ), heard AS MATERIALIZED (
        SELECT DISTINCT ON (t.customer_id) t.customer_id, t.heard_until, t.source FROM taken t
            ORDER BY t.customer_id, t.heard_until DESC, t.source
    ), updated AS (
        UPDATE heartbeat_customers c SET heard_until = h.heard_until, source = h.source FROM heard h
            WHERE c.customer_id = h.customer_id AND coalesce(c.heard_until < h.heard_until, true)
    ), new AS (
        INSERT INTO heartbeat_customers (customer_id, heard_until, source)
            SELECT h.customer_id, h.heard_until, h.source FROM heard h
            WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = h.customer_id LIMIT 1) IS NULL
            ON CONFLICT DO NOTHING RETURNING customer_id
    ), counted AS (
        DELETE FROM heartbeat_customers_total WHERE EXISTS (SELECT FROM new) RETURNING customers
    )
    INSERT INTO heartbeat_customers_total (customers)
        SELECT (SELECT coalesce(sum(c.customers), 0) FROM counted c) + count(*) FROM new HAVING count(*) > 0;
END;
COMMENT ON FUNCTION heartbeat_move_arrivals() IS 'Internal: does the work of heartbeat_take_arrivals() after its checks.';

CREATE FUNCTION heartbeat_take_arrivals() RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_arrivals'::regclass, 'heartbeat_customers'::regclass,
                                            'heartbeat_customers_total'::regclass]);
    SELECT heartbeat_move_arrivals();
    SELECT coalesce(min(extract(epoch FROM r.period)), 0)::integer FROM heartbeat_alert_rules r
        WHERE r.enabled AND r.kind = 'silence';
END;
COMMENT ON FUNCTION heartbeat_take_arrivals() IS
    'Internal: moves the rows of heartbeat_arrivals to heartbeat_customers. Returns the shortest period of the enabled silence '
    'rules, in seconds (0: there is no such rule). The maintenance worker calls this function.';

-- This function finds the last reading of customers in the tables, between the two given times. If this server has the rows, a
-- subquery for each customer searches the records, and another subquery the anomalies. Each subquery has a LIMIT, so that the
-- planner always uses the keys of the table partitions.
CREATE FUNCTION heartbeat_heard(records regclass, anomalies regclass, elsewhere boolean, customers text[], since timestamptz,
                                until timestamptz, OUT customer_id text, OUT heard_at timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(CASE WHEN elsewhere THEN
        'SELECT h.customer_id, max(least(h.event_timestamp, h.ingested_at)) FROM %1$s h'
        ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2 AND h.event_timestamp <= $3 GROUP BY h.customer_id'
        ' UNION ALL SELECT h.customer_id, max(least(h.event_timestamp, h.ingested_at)) FROM %2$s h'
        ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2 AND h.event_timestamp <= $3 GROUP BY h.customer_id'
    ELSE
        'SELECT w.customer_id, greatest('
        '(SELECT least(h.event_timestamp, h.ingested_at) FROM %1$s h WHERE h.customer_id = w.customer_id'
        ' AND h.event_timestamp > $2 AND h.event_timestamp <= $3 ORDER BY h.event_timestamp DESC LIMIT 1),'
        '(SELECT least(h.event_timestamp, h.ingested_at) FROM %2$s h WHERE h.customer_id = w.customer_id'
        ' AND h.event_timestamp > $2 AND h.event_timestamp <= $3 ORDER BY h.event_timestamp DESC LIMIT 1))'
        ' FROM unnest($1) w (customer_id)'
    END, records, anomalies) USING customers, since, until;
END
$$;
COMMENT ON FUNCTION heartbeat_heard(regclass, regclass, boolean, text[], timestamptz, timestamptz) IS
    'Internal: returns the time of the last reading of each given customer. The function searches only the readings between the '
    'two given times.';

CREATE FUNCTION heartbeat_customers_after(after_customer text, OUT customer_id text, OUT heard_until timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE ROWS 10000 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.customer_id, c.heard_until FROM heartbeat_customers c
    WHERE c.customer_id > coalesce(after_customer, '') ORDER BY c.customer_id LIMIT 10000;
END;
COMMENT ON FUNCTION heartbeat_customers_after(text) IS
    'Internal: returns the 10,000 customers after the given customer, or fewer if there are no more.';

-- Before version 1.2 the workers did not record when readings arrived. So heard_until is NULL for a customer whose readings
-- all arrived before the update. heard_until is at most a minute after the arrival of a reading. So if heard_until is more than two
-- minutes in the future, the server's clock was set back. In both cases, NULL and future, this function finds the last reading in
-- the tables.
CREATE FUNCTION heartbeat_find_heard(after_customer text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH unknown AS MATERIALIZED (
        SELECT s.customer_id FROM heartbeat_customers_after(after_customer) s
        WHERE coalesce(s.heard_until > now() + interval '2 minutes', true)
        UNION
        SELECT c.customer_id FROM heartbeat_customers c
        WHERE coalesce(c.heard_until > now() + interval '2 minutes', true)
          AND c.customer_id IN (SELECT r.customer_id FROM heartbeat_alert_rules r WHERE r.kind = 'silence' AND r.enabled)
    ), found AS MATERIALIZED (
        SELECT h.customer_id, max(h.heard_at) AS heard_at
        FROM (SELECT array_agg(u.customer_id) AS customers FROM unknown u) u,
             heartbeat_heard('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, heartbeat_rows_elsewhere(), u.customers,
                             now() - interval '2 days', now() + heartbeat_max_clock_skew()) h
        WHERE u.customers IS NOT NULL GROUP BY h.customer_id
    )
    UPDATE heartbeat_customers c SET heard_until = coalesce(f.heard_at, '-infinity')
        FROM unknown u LEFT JOIN found f ON f.customer_id = u.customer_id WHERE c.customer_id = u.customer_id;
END;
COMMENT ON FUNCTION heartbeat_find_heard(text) IS
    'Internal: for customers who have sent no reading since the update to version 1.2 or since the server''s clock was set back, '
    'finds the time of the last reading, and stores this time in heartbeat_customers (-infinity: no reading in the last two '
    'days). The function examines the 10,000 customers after the given customer, and the customers that a rule names.';
