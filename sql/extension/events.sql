--
-- What was done to the pipeline and what it did, for a person who asks afterwards: who paused it, when did it fail. A
-- function that acts records its event itself, in the caller's transaction, by heartbeat_record_event(). A new state is
-- announced too: NOTIFY heartbeat_state.
--

CREATE TABLE heartbeat_events (
    id          bigserial PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role        text,
    kind        text COLLATE "C" NOT NULL,
    reason      text,
    details     jsonb
);
COMMENT ON TABLE heartbeat_events IS
    'What people did (pause, resume, seek, replay, retry, retention) and what state heartbeat was in from then on (state), with '
    'when, who and why. What is undone leaves no row. The newest 10,000 are kept, none longer than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_events.id IS 'Rises with each event, not without gaps.';
COMMENT ON COLUMN heartbeat_events.happened_at IS 'When.';
COMMENT ON COLUMN heartbeat_events.role IS 'The session''s user; NULL where heartbeat''s own processes did it.';
COMMENT ON COLUMN heartbeat_events.kind IS
    'pause, resume, seek (also by heartbeat.offset_reset), retry (of dead letters), replay, retention, state, ...';
COMMENT ON COLUMN heartbeat_events.reason IS 'Why: what the caller gave, or what was found.';
COMMENT ON COLUMN heartbeat_events.details IS 'More, by kind: partitions and offsets, what was deleted, the state.';

CREATE FUNCTION heartbeat_actor() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_actor() IS 'Internal: the session''s user, or NULL in heartbeat''s own processes.';

-- Who deletes rows that are too many waits for nobody, and would fail in a stricter isolation where another has.
CREATE FUNCTION heartbeat_record_event(kind text, reason text, details jsonb DEFAULT NULL,
                                       happened_at timestamptz DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_events (happened_at, role, kind, reason, details)
        VALUES (heartbeat_record_event.happened_at, heartbeat_actor(), heartbeat_record_event.kind,
                heartbeat_record_event.reason, heartbeat_record_event.details);
    DELETE FROM heartbeat_events
        WHERE current_setting('transaction_isolation') = 'read committed'
          AND id IN (SELECT e.id FROM heartbeat_events e
                     WHERE e.id <= (SELECT max(m.id) FROM heartbeat_events m) - 10000
                     ORDER BY e.id LIMIT 100 FOR UPDATE SKIP LOCKED);
    SELECT pg_notify('heartbeat_state', json_build_object(
            'state', heartbeat_record_event.details->>'state', 'since', heartbeat_record_event.happened_at,
            'reason', heartbeat_record_event.reason)::text)
        WHERE heartbeat_record_event.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_record_event(text, text, jsonb, timestamptz) IS
    'Internal: adds an event in the caller''s transaction, with the session''s user as its role. For a function of the '
    'extension that acts: SELECT heartbeat_record_event(''seek'', ''why'', jsonb_build_object(''partition'', 0)), once for '
    'each call, after what it tells of.';
