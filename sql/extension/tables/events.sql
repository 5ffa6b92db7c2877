--
-- The actions of people and the changes of state. A person can later see in this table, for example, which role paused ingest, or
-- when ingest failed. Each function that changes something for a person calls heartbeat_record_event() in the caller's
-- transaction. heartbeat also announces each new state: NOTIFY heartbeat_state.
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
    'Actions of people (pause, resume, seek, replay, retry, retention), and each new state of heartbeat (state), with time, '
    'role and reason. A transaction that is rolled back leaves no row. heartbeat keeps at least the events of the last 7 days '
    'and the newest 10,000 events, but it deletes each event that is older than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_events.id IS 'Number of the event. It increases with each event, and has gaps.';
COMMENT ON COLUMN heartbeat_events.happened_at IS 'When the event happened.';
COMMENT ON COLUMN heartbeat_events.role IS 'The session''s user; NULL if a process of heartbeat caused the event.';
COMMENT ON COLUMN heartbeat_events.kind IS
    'pause, resume, seek (also by heartbeat.offset_reset), retry (of dead letters), replay, retention, state, ...';
COMMENT ON COLUMN heartbeat_events.reason IS 'The reason that the caller gave, or that heartbeat found.';
COMMENT ON COLUMN heartbeat_events.details IS
    'More values, depending on the kind: partitions and offsets, numbers of deleted rows, the state.';
