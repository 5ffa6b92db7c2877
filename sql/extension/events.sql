CREATE FUNCTION heartbeat_actor() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_actor() IS 'Internal: the session''s user, or NULL in heartbeat''s own processes.';

-- What a role did stays readable for a week at least, however much it does after that: so there is a limit to how often.
-- The session that deletes rows waits for no other session, and would fail in a stricter isolation where another has.
CREATE FUNCTION heartbeat_record_event(kind text, reason text, details jsonb DEFAULT NULL,
                                       happened_at timestamptz DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_events'::regclass]);
    SELECT heartbeat_require(count(*) < 1000, format('role "%s" has done 1000 things in the last minute', session_user),
                             'program_limit_exceeded', 'heartbeat_events shows them. Wait for a minute.')
        FROM heartbeat_events e
        WHERE e.happened_at > clock_timestamp() - interval '1 minute' AND e.role = heartbeat_actor();
    INSERT INTO heartbeat_events (happened_at, role, kind, reason, details)
        VALUES (heartbeat_record_event.happened_at, heartbeat_actor(), heartbeat_record_event.kind,
                heartbeat_record_event.reason, heartbeat_record_event.details);
    DELETE FROM heartbeat_events
        WHERE current_setting('transaction_isolation') = 'read committed'
          AND id IN (SELECT e.id FROM heartbeat_events e
                     WHERE e.id <= (SELECT max(m.id) FROM heartbeat_events m) - 10000
                       AND e.happened_at < clock_timestamp() - interval '7 days'
                     ORDER BY e.id LIMIT 100 FOR UPDATE SKIP LOCKED);
    SELECT heartbeat_notify('heartbeat_state', json_build_object(
            'state', heartbeat_record_event.details->>'state', 'since', heartbeat_record_event.happened_at,
            'reason', heartbeat_record_event.reason)::text)
        WHERE heartbeat_record_event.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_record_event(text, text, jsonb, timestamptz) IS
    'Internal: adds an event in the caller''s transaction, with the session''s user as its role. For a function of the '
    'extension that acts: SELECT heartbeat_record_event(''seek'', ''why'', jsonb_build_object(''partition'', 0)), once for '
    'each call, after what it tells of.';
