--
-- These functions record events, and limit the number of events of each role
--

CREATE FUNCTION heartbeat_actor() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_actor() IS 'Internal: returns the session''s user, or NULL in a process of heartbeat.';

-- Stores an event, and deletes old events. Each row stays for at least a week. So there is a limit: after a hundred events of a
-- role and kind in a minute, the function adds no row, but counts the further events in the last row of this role and kind. After
-- the clock was set back, rows can have a time in the future. Such rows do not count for the limit: otherwise the last row would
-- count all events until the clock reaches the old time again. The UPDATE and the DELETE never wait for another session (SKIP
-- LOCKED). In REPEATABLE READ and SERIALIZABLE the function only inserts: an UPDATE or DELETE would fail if another session has
-- changed the row since the snapshot.
CREATE FUNCTION heartbeat_store_event(kind text, reason text, details jsonb, happened_at timestamptz) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH recent AS MATERIALIZED (
        SELECT e.id FROM heartbeat_events e
        WHERE e.happened_at BETWEEN clock_timestamp() - interval '1 minute' AND clock_timestamp() AND e.role = heartbeat_actor()
          AND e.kind = heartbeat_store_event.kind AND current_setting('transaction_isolation') = 'read committed'
        ORDER BY e.id DESC LIMIT 100
    ), counted AS (
        UPDATE heartbeat_events e
            SET details = coalesce(e.details, '{}') || jsonb_build_object(
                    'repeated', coalesce((e.details->>'repeated')::bigint, 0) + 1, 'last_reason', left(heartbeat_store_event.reason, 1000),
                    'last_details', heartbeat_store_event.details, 'last_at', clock_timestamp())
            WHERE (SELECT count(*) FROM recent) = 100
              AND e.id = (SELECT l.id FROM heartbeat_events l WHERE l.id = (SELECT max(r.id) FROM recent r) FOR UPDATE SKIP LOCKED)
            RETURNING e.id
    )
    INSERT INTO heartbeat_events (happened_at, role, kind, reason, details)
        SELECT heartbeat_store_event.happened_at, heartbeat_actor(), heartbeat_store_event.kind, heartbeat_store_event.reason,
               heartbeat_store_event.details
        WHERE NOT EXISTS (SELECT FROM counted);
    DELETE FROM heartbeat_events
        WHERE current_setting('transaction_isolation') = 'read committed'
          AND id IN (SELECT e.id FROM heartbeat_events e
                     WHERE e.id <= (SELECT max(m.id) FROM heartbeat_events m) - 10000
                       AND e.happened_at < clock_timestamp() - interval '7 days'
                     ORDER BY e.id LIMIT 100 FOR UPDATE SKIP LOCKED);
    SELECT heartbeat_notify('heartbeat_state', json_build_object(
            'state', heartbeat_store_event.details->>'state', 'since', heartbeat_store_event.happened_at,
            'reason', heartbeat_store_event.reason)::text)
        WHERE heartbeat_store_event.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_store_event(text, text, jsonb, timestamptz) IS
    'Internal: does the work of heartbeat_record_event() after its checks.';

-- No default of a column may run before heartbeat_refuse_user_code() has checked the table. PostgreSQL 17 and older versions plan
-- all statements of an SQL function before they run the first statement, and evaluate defaults of columns during the planning. So
-- the INSERT is in its own function, heartbeat_store_event(), which PostgreSQL plans only after the check.
CREATE FUNCTION heartbeat_record_event(kind text, reason text, details jsonb DEFAULT NULL,
                                       happened_at timestamptz DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_events'::regclass]);
    SELECT heartbeat_store_event(heartbeat_record_event.kind, heartbeat_record_event.reason, heartbeat_record_event.details,
                                 heartbeat_record_event.happened_at);
END;
COMMENT ON FUNCTION heartbeat_record_event(text, text, jsonb, timestamptz) IS
    'Internal: adds an event in the caller''s transaction, with the session''s user as its role. A function of the extension calls '
    'heartbeat_record_event() once, after its action: SELECT heartbeat_record_event(''seek'', ''why'', '
    'jsonb_build_object(''partition'', 0)).';
