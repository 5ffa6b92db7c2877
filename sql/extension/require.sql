--
-- This function raises an error if a condition is not true. Other functions check their arguments with this function.
--

CREATE FUNCTION heartbeat_require(condition boolean, message text, code text, hint text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF condition IS NOT TRUE THEN
        RAISE EXCEPTION USING MESSAGE = message, ERRCODE = code, HINT = hint;
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_require(boolean, text, text, text) IS 'Internal: raises an error if the condition is not true.';
