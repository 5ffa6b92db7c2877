--
-- Actions of people and changes of state, for a person who later looks for a cause: which role paused ingest, when did it fail. A
-- function that acts records its event by heartbeat_record_event(), in the caller's transaction. heartbeat also announces each new
-- state: NOTIFY heartbeat_state.
--

CREATE TABLE heartbeat_events (
    id          bigserial PRIMARY KEY,
    happened_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    role        text,
    kind        text COLLATE "C" NOT NULL,
    reason      text,
    details     jsonb
);
CREATE INDEX ON heartbeat_events (happened_at);
COMMENT ON TABLE heartbeat_events IS
    'What people did (pause, resume, seek, replay, retry, retention) and what state heartbeat was in from then on (state), with '
    'when, who and why. What is undone leaves no row. Those of the last 7 days and the newest 10,000 are kept, none longer than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_events.id IS 'Rises with each event, not without gaps.';
COMMENT ON COLUMN heartbeat_events.happened_at IS 'When.';
COMMENT ON COLUMN heartbeat_events.role IS 'The session''s user; NULL where heartbeat''s own processes did it.';
COMMENT ON COLUMN heartbeat_events.kind IS
    'pause, resume, seek (also by heartbeat.offset_reset), retry (of dead letters), replay, retention, state, ...';
COMMENT ON COLUMN heartbeat_events.reason IS 'Why: what the caller gave, or what was found.';
COMMENT ON COLUMN heartbeat_events.details IS 'More, by kind: partitions and offsets, what was deleted, the state.';
