-- The rights of four roles: a role without grants, a reader, an operator, and an attacker that wants the owner's rights.
SET timezone = 'UTC';
SET client_min_messages = warning;
\set VERBOSITY terse
CREATE ROLE regress_heartbeat_nobody;
CREATE ROLE regress_heartbeat_reader;
CREATE ROLE regress_heartbeat_operator;
CREATE ROLE regress_heartbeat_attacker;
GRANT USAGE ON SCHEMA public TO regress_heartbeat_nobody, regress_heartbeat_reader, regress_heartbeat_operator;

GRANT SELECT ON heartbeat_status, heartbeat_partitions, vw_customer_bpm_summary, vw_recent_anomalies, vw_pipeline_summary
    TO regress_heartbeat_reader;
GRANT EXECUTE ON FUNCTION heartbeat_state(), heartbeat_partition_states(), heartbeat_audit(),
    heartbeat_summarize_minute(timestamptz) TO regress_heartbeat_reader;
GRANT EXECUTE ON FUNCTION heartbeat_pause(text, text), heartbeat_resume(text), heartbeat_seek(integer, bigint, text),
    heartbeat_seek(timestamptz, integer, text), heartbeat_replay(timestamptz, timestamptz, integer, text),
    heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[], boolean, text),
    heartbeat_apply_retention()
    TO regress_heartbeat_operator;

SELECT heartbeat_make_partitions('2026-11-22 00:00+00', '2026-11-22 00:00+00') AS made;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-1', 70, '2026-11-22 14:39+00');
INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES ('2026-11-22 14:39+00');
INSERT INTO heartbeat_anomalies (customer_id, heart_rate, event_timestamp, anomaly_type)
    VALUES ('CUST-1', 20, now(), 'BRADYCARDIA');
INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset, messages, readings, records, bradycardia, dead_letters)
    VALUES ('heartbeat-events', 0, 3, 0, 2, 2, 1, 1, 1);
INSERT INTO heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    VALUES ('heartbeat-events', 0, 2,
            '{"customer_id":"CUST-2","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"}', 'INVALID_JSON', 'by hand');

-- a role without grants may call heartbeat_classify(), and may do nothing else
SET SESSION AUTHORIZATION regress_heartbeat_nobody;
SELECT heartbeat_classify(200);
SELECT * FROM vw_customer_bpm_summary;
SELECT * FROM vw_recent_anomalies;
SELECT * FROM vw_pipeline_summary;
SELECT * FROM heartbeat_status;
SELECT * FROM heartbeat_partitions;
SELECT * FROM heartbeat_records;
SELECT * FROM heartbeat_records_2026w47;
SELECT * FROM heartbeat_dead_letters;
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('CUST-1', 70, now());
SELECT heartbeat_pause();
SELECT heartbeat_resume();
SELECT heartbeat_seek(0, 0);
SELECT heartbeat_seek(now());
SELECT heartbeat_kafka_offsets(now());
SELECT heartbeat_check_offset('default', 0, 0);
SELECT heartbeat_replay('2026-11-22', '2026-11-23');
SELECT heartbeat_retry_dead_letters();
SELECT heartbeat_apply_retention();
SELECT heartbeat_make_partitions(now(), now());
SELECT heartbeat_make_weeks('2026-11-22', '2026-11-22', '{heartbeat_records}', '{event_timestamp}', false);
SELECT heartbeat_move_offset('default', 'heartbeat-events', 0, 0, 'because');
SELECT heartbeat_require_pause(NULL);
SELECT heartbeat_wake_workers();
SELECT heartbeat_state();
SELECT heartbeat_partition_states();
SELECT heartbeat_audit();
SELECT nextval('heartbeat_records_id_seq');

-- a reader can read the views and the audit, and cannot change anything
SET SESSION AUTHORIZATION regress_heartbeat_reader;
SELECT customer_id, avg_bpm, reading_count FROM vw_customer_bpm_summary;
SELECT customer_id, heart_rate, anomaly_type FROM vw_recent_anomalies;
SELECT metric, value FROM vw_pipeline_summary WHERE metric IN ('total_records', 'total_anomalies', 'dead_letters');
SELECT count(*) FROM heartbeat_status;
SELECT partition, next_offset FROM heartbeat_partitions;
SELECT partition, difference FROM heartbeat_audit();
SELECT * FROM heartbeat_records;
SELECT * FROM heartbeat_anomalies;
SELECT * FROM heartbeat_dead_letters;
SELECT * FROM heartbeat_rollup;
SELECT * FROM heartbeat_control;
DELETE FROM heartbeat_offsets;
SELECT heartbeat_pause();
SELECT heartbeat_seek(0, 0);

-- an operator has no right on any table
SET SESSION AUTHORIZATION regress_heartbeat_operator;
SELECT heartbeat_pause('maintenance');
SELECT * FROM heartbeat_seek(0, 5);
SELECT * FROM heartbeat_seek('2026-11-22 14:39+00'::timestamptz);
SELECT * FROM heartbeat_replay('2026-11-22', '2026-11-23');
SELECT * FROM heartbeat_retry_dead_letters();
SELECT * FROM heartbeat_apply_retention();
SELECT heartbeat_resume();
SELECT * FROM heartbeat_control;
SELECT * FROM heartbeat_dead_letters;
SELECT * FROM heartbeat_status;
SELECT heartbeat_audit();
SELECT heartbeat_make_partitions(now(), now());
UPDATE heartbeat_control SET paused = true;
RESET SESSION AUTHORIZATION;
SELECT paused, changed_by FROM heartbeat_control;
SELECT recorded_by FROM heartbeat_gaps;
SELECT customer_id FROM heartbeat_records ORDER BY customer_id;
SELECT partition, difference FROM heartbeat_audit();

-- An attacker may create objects in the extension's schema. The attacker creates functions and operators that match calls better
-- than the server's own functions and operators. In pg_temp the attacker creates tables with the names of the extension's tables
-- and of the catalogs. Functions that act as the owner must not use any of these objects.
GRANT CREATE, USAGE ON SCHEMA public TO regress_heartbeat_attacker;
GRANT regress_heartbeat_operator TO regress_heartbeat_attacker;
GRANT EXECUTE ON FUNCTION heartbeat_make_partitions(timestamptz, timestamptz), heartbeat_audit() TO regress_heartbeat_attacker;
SET SESSION AUTHORIZATION regress_heartbeat_attacker;
DO $$
DECLARE
    arguments text;
BEGIN
    FOREACH arguments IN ARRAY ARRAY['text, text', 'text, text, text', 'text, timestamptz', 'text, regclass',
        'text, text, text, timestamptz, timestamptz', 'text, text, text, timestamptz, timestamptz, text'] LOOP
        EXECUTE pg_catalog.format('CREATE FUNCTION public.format(%s) RETURNS text LANGUAGE plpgsql AS '
                                  '$body$ BEGIN RAISE EXCEPTION ''format runs as %%'', current_user; END $body$', arguments);
    END LOOP;
END
$$;
CREATE FUNCTION public.meddle(bigint, numeric) RETURNS numeric LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'an operator runs as %', current_user; END $$;
CREATE FUNCTION public.meddle(oid, regclass) RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'an operator runs as %', current_user; END $$;
CREATE OPERATOR public.+ (FUNCTION = public.meddle, LEFTARG = bigint, RIGHTARG = numeric);
CREATE OPERATOR public.- (FUNCTION = public.meddle, LEFTARG = bigint, RIGHTARG = numeric);
CREATE OPERATOR public.= (FUNCTION = public.meddle, LEFTARG = oid, RIGHTARG = regclass);
CREATE FUNCTION public.unnest(bigint[]) RETURNS SETOF bigint LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'unnest runs as %', current_user; END $$;
CREATE TEMP TABLE heartbeat_control (paused boolean, reason text, changed_by text, changed_at timestamptz);
CREATE TEMP TABLE heartbeat_offsets (topic text, partition integer, next_offset bigint);
CREATE TEMP TABLE heartbeat_records (customer_id text);
CREATE TEMP TABLE pg_class (oid oid, relname text);
CREATE TEMP TABLE pg_inherits (inhrelid oid, inhparent oid);
CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'now runs as %', current_user; END $$;
-- without protection the attack works: PostgreSQL chooses the attacker's objects if the search_path contains their schema
SELECT format('%s', now());
SELECT 1::bigint + 1::numeric;
SET search_path = pg_temp, public, pg_catalog;
SELECT now() IS NOT NULL AS not_meddled_with;

SELECT public.heartbeat_make_partitions('2026-11-29 00:00+00', '2026-11-29 00:00+00') AS made;
SELECT public.heartbeat_pause('attack');
SELECT * FROM public.heartbeat_seek(0, 6);
SELECT * FROM public.heartbeat_seek('2026-11-22 14:39+00'::timestamptz);
RESET SESSION AUTHORIZATION;
INSERT INTO public.heartbeat_dead_letters (topic, partition, "offset", payload, error_code, error_text)
    VALUES ('heartbeat-events', 0, 2,
            '{"customer_id":"CUST-3","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"}', 'INVALID_JSON', 'by hand');
SET SESSION AUTHORIZATION regress_heartbeat_attacker;
SELECT * FROM public.heartbeat_retry_dead_letters();
SELECT * FROM public.heartbeat_apply_retention();
SELECT partition, difference FROM public.heartbeat_audit();
SELECT public.heartbeat_resume();
SELECT count(*) FROM heartbeat_control;
RESET SESSION AUTHORIZATION;
RESET search_path;
SELECT paused, changed_by FROM public.heartbeat_control;

\c -
SET client_min_messages = warning;
DROP EXTENSION heartbeat;
DROP OWNED BY regress_heartbeat_nobody, regress_heartbeat_reader, regress_heartbeat_operator, regress_heartbeat_attacker;
DROP ROLE regress_heartbeat_nobody, regress_heartbeat_reader, regress_heartbeat_operator, regress_heartbeat_attacker;
CREATE EXTENSION heartbeat;
