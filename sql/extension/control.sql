--
-- Pauses and resumes ingest
--

CREATE FUNCTION heartbeat_wake_workers() RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_wake_workers() IS
    'Internal: when the transaction commits, tells the workers to read heartbeat_control and heartbeat_offsets again.';

CREATE FUNCTION heartbeat_store_pause(reason text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_control AS c (paused, reason) VALUES (true, heartbeat_store_pause.reason)
        ON CONFLICT (hold) DO UPDATE
        SET paused = true, reason = excluded.reason, changed_by = session_user, changed_at = now();
END;
COMMENT ON FUNCTION heartbeat_store_pause(text) IS 'Internal: does the work of heartbeat_pause() after its checks.';

CREATE FUNCTION heartbeat_pause(reason text DEFAULT NULL) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_control'::regclass]);
    SELECT heartbeat_store_pause(heartbeat_pause.reason);
    SELECT heartbeat_record_event('pause', heartbeat_pause.reason);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_pause(text) IS
    'Pauses ingest. The pause is durable (it continues after a restart), transactional and exact: heartbeat_pause() waits for '
    'the current batch, and after the commit of the pause the workers store no row. heartbeat_status shows the reason.';

CREATE FUNCTION heartbeat_store_resume() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM heartbeat_control WHERE hold = 'restore';
    UPDATE heartbeat_control
        SET paused = false, reason = NULL, changed_by = session_user, changed_at = now() WHERE paused;
END;
COMMENT ON FUNCTION heartbeat_store_resume() IS 'Internal: does the work of heartbeat_resume() after its checks.';

CREATE FUNCTION heartbeat_resume() RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_control'::regclass]);
    SELECT heartbeat_store_resume();
    SELECT heartbeat_record_event('resume', NULL);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_resume() IS
    'Ends a pause. A database that was restored from a dump is also paused. If workers stopped as FAILED, the function lets them '
    'try again. It does nothing while ingest runs.';
