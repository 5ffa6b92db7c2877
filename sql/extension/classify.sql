--
-- Classification
--

CREATE FUNCTION heartbeat_classify(heart_rate double precision) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION heartbeat_classify(double precision) IS
    'Returns the class of a heart rate in beats per minute, by the rule that the workers use: INVALID (at or below 0, above '
    '300, or NaN), BRADYCARDIA (below 40), NORMAL (40 to 180, both included) or TACHYCARDIA (above 180). Returns NULL for '
    'NULL.';
