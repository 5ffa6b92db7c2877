--
-- These functions pause and resume ingest of all sources, or of one source
--

CREATE FUNCTION heartbeat_wake_workers() RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_wake_workers() IS
    'Internal: when the transaction commits, tells the workers to read heartbeat_control and heartbeat_offsets again.';

CREATE FUNCTION heartbeat_lock_source(source_id integer) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_lock_source(integer) IS
    'Internal: waits for the current batches of the source, or of all sources if the argument is NULL. The next batches wait until '
    'the transaction ends.';

CREATE FUNCTION heartbeat_store_pause(reason text, source text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_control AS c (source, paused, reason)
        VALUES (coalesce(heartbeat_store_pause.source, ''), true, heartbeat_store_pause.reason)
        ON CONFLICT (hold, source) DO UPDATE
        SET paused = true, reason = excluded.reason, changed_by = session_user, changed_at = now();
END;
COMMENT ON FUNCTION heartbeat_store_pause(text, text) IS 'Internal: does the work of heartbeat_pause() after its checks.';

CREATE FUNCTION heartbeat_pause(reason text DEFAULT NULL, source text DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require_source(heartbeat_pause.source);
    SELECT heartbeat_lock_source((SELECT d.source_id FROM heartbeat_source_definitions d WHERE d.name = heartbeat_pause.source));
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_control'::regclass]);
    SELECT heartbeat_store_pause(heartbeat_pause.reason, heartbeat_pause.source);
    SELECT heartbeat_record_event('pause', heartbeat_pause.reason,
                                  CASE WHEN heartbeat_pause.source IS NOT NULL THEN jsonb_build_object('source', heartbeat_pause.source) END);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_pause(text, text) IS
    'Pauses ingest of the given source. Without a source, pauses ingest of all sources, also of sources that are added later. The '
    'pause is durable (it continues after a restart), transactional and exact: heartbeat_pause() waits for the current batch, and '
    'after the commit of the pause the workers store no row of the paused sources. heartbeat_status shows the reason.';

CREATE FUNCTION heartbeat_store_resume(source text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM heartbeat_control WHERE hold = 'restore' AND heartbeat_store_resume.source IS NULL;
    UPDATE heartbeat_control c
        SET paused = false, reason = NULL, changed_by = session_user, changed_at = now()
        WHERE c.paused AND (heartbeat_store_resume.source IS NULL OR c.source = heartbeat_store_resume.source);
END;
COMMENT ON FUNCTION heartbeat_store_resume(text) IS 'Internal: does the work of heartbeat_resume() after its checks.';

CREATE FUNCTION heartbeat_resume(source text DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require_source(heartbeat_resume.source);
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_control'::regclass]);
    SELECT heartbeat_store_resume(heartbeat_resume.source);
    SELECT heartbeat_record_event('resume', NULL,
                                  CASE WHEN heartbeat_resume.source IS NOT NULL THEN jsonb_build_object('source', heartbeat_resume.source) END);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_resume(text) IS
    'Without a source, ends all pauses, also the pause of a database that was restored from a dump. With a source, ends only '
    'the pause of this source. The source stays paused if all sources are paused. If workers stopped with the state FAILED, '
    'the function lets these workers try again. While ingest runs, the function does nothing.';
