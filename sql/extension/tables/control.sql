--
-- Pause and resume. heartbeat_pause() locks the source (heartbeat_lock_source()). A worker also locks the source while it stores a
-- batch. So a pause waits for the current batch, and the next batch waits for the pause. After the commit of the pause the
-- worker stores no batch of the source.
--

CREATE TABLE heartbeat_control (
    hold       text COLLATE "C" NOT NULL DEFAULT 'pause' CHECK (hold IN ('pause', 'restore')),
    paused     boolean NOT NULL,
    reason     text,
    changed_by text NOT NULL DEFAULT session_user,
    changed_at timestamptz NOT NULL DEFAULT now(),
    source     text COLLATE "C" NOT NULL DEFAULT '',
    PRIMARY KEY (hold, source)
);
COMMENT ON TABLE heartbeat_control IS
    'The pauses of ingest: of all sources, or of one source. The first pause of all sources adds a row. The first pause of each '
    'source also adds a row. Later pauses and resumes update these rows. The restore of a dump adds another row, which '
    'heartbeat_resume() deletes.';
COMMENT ON COLUMN heartbeat_control.hold IS
    'The cause of the pause: pause (heartbeat_pause()) or restore (a dump created the extension).';
COMMENT ON COLUMN heartbeat_control.paused IS 'Whether ingest is paused.';
COMMENT ON COLUMN heartbeat_control.reason IS 'The reason that heartbeat_pause() got, or how the database was restored.';
COMMENT ON COLUMN heartbeat_control.changed_by IS 'The session''s user who paused or resumed ingest.';
COMMENT ON COLUMN heartbeat_control.changed_at IS 'When the session paused or resumed ingest.';
COMMENT ON COLUMN heartbeat_control.source IS
    'The source that is paused, as in heartbeat_sources; empty: all sources, also sources that are added later.';
