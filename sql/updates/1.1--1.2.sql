-- heartbeat 1.1 to 1.2: changes the old version into the extension that CREATE EXTENSION creates, object by object. The script
-- replaces all functions and views. So no function or view uses an object of another role, even if 1.1 used such an object.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @distributed_begin@

-- @begin@

-- Tables

CREATE INDEX ON heartbeat_stale_minutes (minute_bucket);
CREATE INDEX ON heartbeat_events (happened_at);
ALTER TABLE heartbeat_rollup_pending REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_stale_minutes REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_customers_total REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_gaps REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_offsets ADD COLUMN message_marks text COLLATE "C", ADD COLUMN truncated_to bigint;
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT p.relid::regclass
                FROM unnest('{heartbeat_records, heartbeat_anomalies, heartbeat_rollup}'::regclass[]) t (parent), pg_partition_tree(t.parent) p
                JOIN pg_class c ON c.oid = p.relid
                WHERE (p.level = 0 OR p.level = 1 AND c.relkind = 'r') AND c.relreplident = 'd' AND pg_has_role(c.relowner, 'USAGE')
                ORDER BY p.level, p.relid LOOP
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', name);
    END LOOP;
END
$$;
DROP INDEX heartbeat_records_default_event_timestamp_idx;
CREATE INDEX ON heartbeat_records_default (event_timestamp);
ALTER TABLE heartbeat_customers ADD COLUMN heard_until timestamptz;
ALTER TABLE heartbeat_customers SET (fillfactor = 80);

--
-- Arrivals, for silence rules
--

-- The table has no index: ingest appends to it, and the maintenance worker moves its rows to heartbeat_customers within seconds.
CREATE TABLE heartbeat_arrivals (
    customer_id text COLLATE "C" NOT NULL,
    heard_until timestamptz NOT NULL
);
ALTER TABLE heartbeat_arrivals REPLICA IDENTITY FULL;
COMMENT ON TABLE heartbeat_arrivals IS
    'Customers whose readings ingest has stored. The maintenance worker moves them to heartbeat_customers. Ingest adds a '
    'customer again if a reading arrives after the time heard_until in the customer''s previous row.';
COMMENT ON COLUMN heartbeat_arrivals.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_arrivals.heard_until IS 'The time until which the customer counts as heard: shortly after the arrival.';
SELECT pg_extension_config_dump('heartbeat_arrivals', '');
COMMENT ON TABLE heartbeat_records IS
    'Normal readings, one row for each (customer_id, event_timestamp), in weekly table partitions.';
COMMENT ON COLUMN heartbeat_records.id IS 'Number of the row. The numbers have gaps.';
COMMENT ON COLUMN heartbeat_records.customer_id IS 'The measured customer: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_records.heart_rate IS 'Beats per minute, exactly as published, 40 to 180.';
COMMENT ON COLUMN heartbeat_records.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_records.ingested_at IS 'Start of the transaction that stored the row.';
COMMENT ON TABLE heartbeat_anomalies IS
    'Readings that are not normal, one row for each (customer_id, event_timestamp), in weekly table partitions.';
COMMENT ON COLUMN heartbeat_anomalies.id IS 'Number of the row. The numbers have gaps.';
COMMENT ON COLUMN heartbeat_anomalies.customer_id IS 'The measured customer: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN heartbeat_anomalies.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_anomalies.ingested_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID, by heartbeat_classify().';
COMMENT ON TABLE heartbeat_rollup IS
    'Normal readings by customer and minute. It lacks the sums in heartbeat_rollup_pending, and is not valid for minutes in '
    'heartbeat_stale_minutes. Query vw_customer_bpm_summary instead, which is always exact.';
COMMENT ON COLUMN heartbeat_rollup.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_rollup.sum_bpm IS 'Sum of the minute''s normal readings, in beats per minute.';
COMMENT ON COLUMN heartbeat_rollup.reading_count IS 'Number of normal readings of the minute.';
COMMENT ON TABLE heartbeat_rollup_pending IS
    'Sums, by customer and minute, of new readings that heartbeat_rollup does not have yet. One customer and minute can have '
    'several rows.';
COMMENT ON COLUMN heartbeat_rollup_pending.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_rollup_pending.sum_bpm IS 'Sum of the normal readings, in beats per minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.reading_count IS 'Number of normal readings; 0 if the row only counts the customer.';
COMMENT ON TABLE heartbeat_stale_minutes IS
    'Minutes whose rollup the maintenance worker must rebuild from the readings. A minute can be here more than once.';
COMMENT ON COLUMN heartbeat_stale_minutes.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_stale_minutes.marked_at IS 'Start of the transaction that stored or changed the readings.';
COMMENT ON TABLE heartbeat_customers IS 'All customers with a normal reading or an anomaly that the rollup has counted.';
COMMENT ON COLUMN heartbeat_customers.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_customers.heard_until IS
    'The time until which the customer counts as heard, by the server''s clock: up to a minute after a reading arrived. NULL: '
    'no reading has arrived since version 1.2.';
COMMENT ON TABLE heartbeat_customers_total IS
    'The sum of these rows is the number of rows of heartbeat_customers. So no query needs to count that table.';
COMMENT ON COLUMN heartbeat_customers_total.customers IS 'Number of customers to add.';
COMMENT ON TABLE heartbeat_arrivals IS
    'Customers whose readings ingest has stored. The maintenance worker moves them to heartbeat_customers. Ingest adds a '
    'customer again if a reading arrives after the time heard_until in the customer''s previous row.';
COMMENT ON COLUMN heartbeat_arrivals.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_arrivals.heard_until IS 'The time until which the customer counts as heard: shortly after the arrival.';
COMMENT ON TABLE heartbeat_records_default IS
    'Normal readings whose week has no table partition: the clock of the device is wrong by far, or the reading is very late.';
COMMENT ON TABLE heartbeat_anomalies_default IS
    'Anomalies whose week has no table partition: the clock of the device is wrong by far, or the reading is very late.';
COMMENT ON TABLE heartbeat_rollup_default IS 'Rollup of minutes whose week has no table partition.';
COMMENT ON TABLE heartbeat_offsets IS
    'The progress of ingest in each Kafka partition: the next offset, and counters of what heartbeat has done with all offsets '
    'since first_offset. The transaction that stores messages also updates this row.';
COMMENT ON COLUMN heartbeat_offsets.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_offsets.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_offsets.next_offset IS 'The offset that the worker reads next.';
COMMENT ON COLUMN heartbeat_offsets.first_offset IS 'The offset at which this database began to read and to count.';
COMMENT ON COLUMN heartbeat_offsets.rewound IS
    'Total number of offsets by which seeks, resets and replays have moved ingest back.';
COMMENT ON COLUMN heartbeat_offsets.records IS 'Messages stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_offsets.anomalies IS 'Messages stored in heartbeat_anomalies: the sum of the three types.';
COMMENT ON COLUMN heartbeat_offsets.bradycardia IS 'Anomalies of type BRADYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.tachycardia IS 'Anomalies of type TACHYCARDIA.';
COMMENT ON COLUMN heartbeat_offsets.invalid IS 'Anomalies of type INVALID.';
COMMENT ON COLUMN heartbeat_offsets.duplicates IS 'Messages whose reading or dead letter was already stored.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters IS 'Messages stored in heartbeat_dead_letters that no retry has resolved.';
COMMENT ON COLUMN heartbeat_offsets.dead_letters_deleted IS
    'How many of these dead letters were deleted from heartbeat_dead_letters, by a person or by heartbeat.retention.';
COMMENT ON COLUMN heartbeat_offsets.empty_offsets IS
    'Offsets without a message: compaction, transaction markers, aborted transactions, gaps in heartbeat_gaps.';
COMMENT ON COLUMN heartbeat_offsets.first_event IS 'Earliest event_timestamp of the readings stored from this partition.';
COMMENT ON COLUMN heartbeat_offsets.last_event IS
    'Latest event_timestamp of the readings stored from this partition. If a reading is further ahead than '
    'heartbeat.max_clock_skew, heartbeat uses the time at which it stored the reading instead.';
COMMENT ON COLUMN heartbeat_offsets.last_message_at IS 'Kafka timestamp of the last message that was read and has a timestamp.';
COMMENT ON COLUMN heartbeat_offsets.last_message_offset IS
    'Offset of the last message read. After each connect the worker reads this message again: if another message is at this '
    'offset, Kafka''s log is no longer the same. A seek clears the column.';
COMMENT ON COLUMN heartbeat_offsets.cluster_id IS 'Id of the Kafka cluster to which the offsets belong.';
COMMENT ON COLUMN heartbeat_offsets.topic_id IS
    'Kafka''s id of the topic to which the offsets belong; NULL with librdkafka before 2.3, which does not return it.';
COMMENT ON COLUMN heartbeat_offsets.lost_at IS
    'When heartbeat found that the offsets of this topic now belong to other messages. A seek or a reset clears the column.';
COMMENT ON COLUMN heartbeat_offsets.lost_reason IS 'How heartbeat found this.';
COMMENT ON COLUMN heartbeat_offsets.updated_at IS 'Start of the transaction that last wrote the row.';
COMMENT ON COLUMN heartbeat_offsets.message_marks IS
    'Up to 16 consumed messages, the last one at the end, each as offset:Kafka time in milliseconds:CRC-32 of key and '
    'value:leader epoch (-1: not known). With these marks heartbeat finds out whether Kafka''s log is still the log that '
    'heartbeat has read, and to which offset Kafka truncated the log.';
COMMENT ON COLUMN heartbeat_offsets.truncated_to IS
    'From this offset on, the log of the partition can have other messages than heartbeat has read, because Kafka truncated '
    'the log. NULL if Kafka has not truncated the log. A seek or a reset clears the column.';
COMMENT ON TABLE heartbeat_gaps IS 'Offsets that a seek or heartbeat.offset_reset skipped on purpose.';
COMMENT ON COLUMN heartbeat_gaps.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_gaps.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_gaps.from_offset IS 'First offset that was skipped.';
COMMENT ON COLUMN heartbeat_gaps.to_offset IS 'First offset after the gap.';
COMMENT ON COLUMN heartbeat_gaps.reason IS 'Why the offsets were skipped.';
COMMENT ON COLUMN heartbeat_gaps.recorded_by IS 'The session''s user.';
COMMENT ON COLUMN heartbeat_gaps.recorded_at IS 'When the gap was recorded.';
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
COMMENT ON TABLE heartbeat_dead_letters IS
    'All messages that are not readings, with their exact bytes. To repair a dead letter, UPDATE its payload and call '
    'heartbeat_retry_dead_letters(). If you cannot repair a dead letter, DELETE it.';
COMMENT ON COLUMN heartbeat_dead_letters.id IS 'A number for the row.';
COMMENT ON COLUMN heartbeat_dead_letters.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_dead_letters.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_dead_letters."offset" IS 'Kafka offset.';
COMMENT ON COLUMN heartbeat_dead_letters.key IS 'The message''s key; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.payload IS
    'The message''s payload; NULL for a tombstone. You may update it: the next retry decodes the new payload.';
COMMENT ON COLUMN heartbeat_dead_letters.kafka_timestamp IS 'The message''s Kafka timestamp; NULL if it had none.';
COMMENT ON COLUMN heartbeat_dead_letters.error_code IS
    'The error of the last attempt: INVALID_JSON, MISSING_FIELD and so on, or the SQLSTATE with which the database refused the '
    'reading.';
COMMENT ON COLUMN heartbeat_dead_letters.error_text IS 'Error text of the last attempt.';
COMMENT ON COLUMN heartbeat_dead_letters.arrived_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_dead_letters.resolved_at IS 'When a retry stored the message as a reading; NULL until then.';
COMMENT ON COLUMN heartbeat_dead_letters.mended_at IS 'When a person first changed the payload; NULL: nobody has changed it.';
COMMENT ON COLUMN heartbeat_dead_letters.original_payload IS
    'The payload as it arrived, if a person has changed it since. A replay recognizes the message by this payload.';
COMMENT ON TABLE heartbeat_control IS
    'Whether ingest is paused. The first pause adds a row, which later pauses and resumes update. The restore of a dump adds '
    'another row, which heartbeat_resume() deletes.';
COMMENT ON COLUMN heartbeat_control.hold IS
    'The cause of the pause: pause (heartbeat_pause()) or restore (a dump created the extension).';
COMMENT ON COLUMN heartbeat_control.paused IS 'Whether ingest is paused.';
COMMENT ON COLUMN heartbeat_control.reason IS 'The reason that heartbeat_pause() got, or how the database was restored.';
COMMENT ON COLUMN heartbeat_control.changed_by IS 'The session''s user who paused or resumed.';
COMMENT ON COLUMN heartbeat_control.changed_at IS 'When the session paused or resumed ingest.';
COMMENT ON TABLE heartbeat_alert_rules IS
    'The conditions that raise an alert: a number of anomalies of one customer in a time span, the silence of a customer, the '
    'lag, the number of dead letters, a state other than RUNNING. A change takes effect when it commits.';
COMMENT ON COLUMN heartbeat_alert_rules.name IS 'Name of the rule, also in heartbeat_alerts.';
COMMENT ON COLUMN heartbeat_alert_rules.kind IS
    'anomalies: the number of anomalies of a customer within the period is at or above the threshold. The time of an anomaly is '
    'event_timestamp, or the arrival if event_timestamp is further ahead than heartbeat.max_clock_skew. silence: no reading of a '
    'customer has arrived during the period, but a reading has arrived in the day before. lag: lag_messages is above the '
    'threshold. dead_letters: the number of unresolved dead letters is above the threshold. state: the state in heartbeat_status '
    'has been other than RUNNING for the whole period.';
COMMENT ON COLUMN heartbeat_alert_rules.threshold IS 'Number of anomalies, messages or dead letters; see kind.';
COMMENT ON COLUMN heartbeat_alert_rules.period IS
    'Time span; see kind. Up to an hour for anomalies, 10 seconds to a day for silence.';
COMMENT ON COLUMN heartbeat_alert_rules.customer_id IS 'The rule is only for this customer; NULL: for each customer.';
COMMENT ON COLUMN heartbeat_alert_rules.anomaly_type IS
    'The rule counts only anomalies of this type; NULL: anomalies of all types.';
COMMENT ON COLUMN heartbeat_alert_rules.enabled IS
    'Whether heartbeat evaluates the rule. heartbeat closes the alerts of a disabled rule.';
COMMENT ON COLUMN heartbeat_alert_rules.comment IS 'Purpose of the rule.';
COMMENT ON TABLE heartbeat_alerts IS
    'One row for each episode during which the condition of a rule is met. The alert is open while closed_at is NULL. heartbeat '
    'keeps the newest 10,000 closed alerts, and deletes closed alerts that are older than heartbeat.retention.';
COMMENT ON COLUMN heartbeat_alerts.id IS 'Number of the alert. It increases with each alert, and has gaps.';
COMMENT ON COLUMN heartbeat_alerts.rule IS 'Name of the rule.';
COMMENT ON COLUMN heartbeat_alerts.subject IS 'What the alert is about: the customer, the topic, or pipeline.';
COMMENT ON COLUMN heartbeat_alerts.raised_at IS 'When the alert was raised.';
COMMENT ON COLUMN heartbeat_alerts.closed_at IS
    'When the condition ended or the rule was disabled; NULL while the alert is open.';
COMMENT ON COLUMN heartbeat_alerts.detail IS 'The values that raised the alert; the keys depend on the kind of the rule.';
CREATE INDEX ON heartbeat_anomalies_default (ingested_at) WHERE event_timestamp > ingested_at;
DO $$
DECLARE
    week regclass;
BEGIN
    -- creates the index on the table partitions whose time range includes the last two days or the future
    FOR week IN SELECT h.inhrelid::regclass
                FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid AND c.relkind = 'r',
                     LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b (text)
                WHERE h.inhparent = 'heartbeat_anomalies'::regclass AND b.text LIKE 'FOR VALUES FROM%'
                  AND coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz > now() - interval '2 days' LOOP
        EXECUTE format('CREATE INDEX ON %s (ingested_at) WHERE event_timestamp > ingested_at', week);
    END LOOP;
END
$$;

-- Two functions compare the time in a parameter with Kafka's timestamps. In 1.1 this parameter has the name event_time, and in 1.2 the
-- name kafka_time. CREATE OR REPLACE cannot rename a parameter. A new function would not have the owner and the grants of the old
-- function. The update would also have to drop the views that call the old function. So the update renames the parameter in the
-- catalog instead. If a view or an SQL function calls one of the two functions with `event_time =>`, a dump would contain this old
-- name, and PostgreSQL could not restore the dump. So the update stops and names this view or function.

DO $$
DECLARE
    renamed oid[] := ARRAY['heartbeat_seek(timestamptz, integer)'::regprocedure, 'heartbeat_kafka_offsets(timestamptz, integer)'::regprocedure];
    callers text;
BEGIN
    SELECT string_agg(c.caller, ', ' ORDER BY c.caller) INTO callers
    FROM (SELECT DISTINCT CASE d.classid WHEN 'pg_proc'::regclass THEN pg_describe_object(d.classid, d.objid, 0)
                          ELSE (SELECT pg_describe_object('pg_class'::regclass, w.ev_class, 0) FROM pg_rewrite w WHERE w.oid = d.objid) END,
                 CASE d.classid WHEN 'pg_proc'::regclass THEN pg_get_function_sqlbody(d.objid) ELSE pg_get_ruledef(d.objid) END
          FROM pg_depend d
          WHERE d.refclassid = 'pg_proc'::regclass AND d.refobjid = ANY (renamed)
            AND d.classid IN ('pg_proc'::regclass, 'pg_rewrite'::regclass)) c (caller, definition)
    WHERE c.definition LIKE '%event_time =>%';
    IF callers IS NOT NULL THEN
        RAISE EXCEPTION 'the parameter event_time of heartbeat_seek() has the new name kafka_time, but a definition uses the old one'
            USING ERRCODE = 'dependent_objects_still_exist', DETAIL = format('It is used by %s.', callers),
                  HINT = 'Create these objects again without the parameter''s name, update the extension, then use the new name.';
    END IF;
    UPDATE pg_proc SET proargnames = array_replace(proargnames, 'event_time', 'kafka_time') WHERE oid = ANY (renamed);
END
$$;

-- heartbeat_partition_states() returns more columns than in 1.1. So the update drops the function and creates it again. Before
-- the update drops the function, it replaces the views that call the function by views without this call.

SELECT set_config('heartbeat_building.readers', coalesce(string_agg(CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, ', '), ''), true)
FROM pg_proc p, aclexplode(p.proacl) a
WHERE p.oid = 'heartbeat_partition_states()'::regprocedure AND a.privilege_type = 'EXECUTE' AND a.grantee <> p.proowner;
CREATE OR REPLACE VIEW heartbeat_partitions AS
    SELECT o.topic, o.partition, o.next_offset, NULL::bigint AS high_watermark, NULL::bigint AS lag_messages, o.records, o.anomalies,
           o.duplicates, o.dead_letters, o.empty_offsets, NULL::integer AS worker_pid, o.last_message_at,
           NULL::double precision AS lag_seconds
    FROM heartbeat_offsets o;
CREATE OR REPLACE VIEW heartbeat_metrics AS
    SELECT NULL::text AS name, NULL::jsonb AS labels, NULL::double precision AS value, NULL::text AS type, NULL::text AS help,
           NULL::text AS family;
DROP FUNCTION heartbeat_partition_states();

--
-- Classification
--

CREATE OR REPLACE FUNCTION heartbeat_classify(heart_rate double precision) RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT PARALLEL SAFE;
COMMENT ON FUNCTION heartbeat_classify(double precision) IS
    'Returns the class of a heart rate in beats per minute, by the rule that the workers use: INVALID (at or below 0, above '
    '300, or NaN), BRADYCARDIA (below 40), NORMAL (40 to 180, both included) or TACHYCARDIA (above 180). Returns NULL for '
    'NULL.';

--
-- This function refuses triggers, rules and policies of other roles
--

CREATE OR REPLACE FUNCTION heartbeat_refuse_user_code(tables regclass[]) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_refuse_user_code(regclass[]) IS
    'Internal: locks bookkeeping tables of heartbeat for writing. Raises an error if one of the tables has a rule, a policy or '
    'another owner. Also raises an error for a trigger whose function belongs to neither the owner nor a superuser, and for '
    'every trigger of a table on which other roles have TRIGGER. Before a function of the extension writes to such a table with '
    'the rights of the extension''s owner, it calls this function.';

CREATE OR REPLACE FUNCTION heartbeat_notify(channel text, payload text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_notify(text, text) IS
    'Internal: sends NOTIFY. If the server''s notification queue is more than a quarter full, it drops and counts the '
    'announcement instead, so no role can stop heartbeat by filling the queue.';

CREATE OR REPLACE FUNCTION heartbeat_announcements_dropped() RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_announcements_dropped() IS
    'Returns how many announcements (NOTIFY) heartbeat has dropped since the server started, because the notification queue '
    'was more than a quarter full. heartbeat_metrics shows the number.';

--
-- This function raises an error if a condition is not true. Other functions check their arguments with this function.
--

CREATE OR REPLACE FUNCTION heartbeat_require(condition boolean, message text, code text, hint text) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    IF condition IS NOT TRUE THEN
        RAISE EXCEPTION USING MESSAGE = message, ERRCODE = code, HINT = hint;
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_require(boolean, text, text, text) IS 'Internal: raises an error unless the condition is true.';

--
-- These functions record events, and limit the number of events of each role
--

CREATE OR REPLACE FUNCTION heartbeat_actor() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_actor() IS 'Internal: returns the session''s user, or NULL in a process of heartbeat.';

-- Each row stays for at least a week, even if a role causes very many events. If a role causes more than a hundred events of a
-- kind in a minute, the role's last row of this kind counts the further events. The function does not wait for another session when
-- it deletes or counts events. In an isolation level stricter than READ COMMITTED the function does not delete or count events.
CREATE OR REPLACE FUNCTION heartbeat_store_event(kind text, reason text, details jsonb, happened_at timestamptz) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH recent AS MATERIALIZED (
        SELECT e.id FROM heartbeat_events e
        WHERE e.happened_at > clock_timestamp() - interval '1 minute' AND e.role = heartbeat_actor()
          AND e.kind = heartbeat_store_event.kind AND current_setting('transaction_isolation') = 'read committed'
        ORDER BY e.id DESC LIMIT 100
    ), counted AS (
        UPDATE heartbeat_events e
            SET details = coalesce(e.details, '{}') || jsonb_build_object(
                    'repeated', coalesce((e.details->>'repeated')::bigint, 0) + 1, 'last_reason', left(heartbeat_store_event.reason, 1000),
                    'last_details', heartbeat_store_event.details, 'last_at', clock_timestamp())
            WHERE (SELECT count(*) FROM recent) = 100
              AND e.id = (SELECT l.id FROM heartbeat_events l WHERE l.id = (SELECT max(r.id) FROM recent r) FOR UPDATE SKIP LOCKED)
            RETURNING e.id
    )
    INSERT INTO heartbeat_events (happened_at, role, kind, reason, details)
        SELECT heartbeat_store_event.happened_at, heartbeat_actor(), heartbeat_store_event.kind, heartbeat_store_event.reason,
               heartbeat_store_event.details
        WHERE NOT EXISTS (SELECT FROM counted);
    DELETE FROM heartbeat_events
        WHERE current_setting('transaction_isolation') = 'read committed'
          AND id IN (SELECT e.id FROM heartbeat_events e
                     WHERE e.id <= (SELECT max(m.id) FROM heartbeat_events m) - 10000
                       AND e.happened_at < clock_timestamp() - interval '7 days'
                     ORDER BY e.id LIMIT 100 FOR UPDATE SKIP LOCKED);
    SELECT heartbeat_notify('heartbeat_state', json_build_object(
            'state', heartbeat_store_event.details->>'state', 'since', heartbeat_store_event.happened_at,
            'reason', heartbeat_store_event.reason)::text)
        WHERE heartbeat_store_event.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_store_event(text, text, jsonb, timestamptz) IS
    'Internal: does the work of heartbeat_record_event() after its checks.';

-- The first statement of this function checks the table for code of other roles. The server must plan the INSERT after this check,
-- because it evaluates defaults of columns while it plans. But the server plans all statements of an SQL function before it runs
-- the first statement. So the INSERT is in its own function, heartbeat_store_event().
CREATE OR REPLACE FUNCTION heartbeat_record_event(kind text, reason text, details jsonb DEFAULT NULL,
                                       happened_at timestamptz DEFAULT clock_timestamp()) RETURNS void
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_events'::regclass]);
    SELECT heartbeat_store_event(heartbeat_record_event.kind, heartbeat_record_event.reason, heartbeat_record_event.details,
                                 heartbeat_record_event.happened_at);
END;
COMMENT ON FUNCTION heartbeat_record_event(text, text, jsonb, timestamptz) IS
    'Internal: adds an event in the caller''s transaction, with the session''s user as its role. A function of the extension '
    'calls it once, after its action: SELECT heartbeat_record_event(''seek'', ''why'', jsonb_build_object(''partition'', 0)).';

--
-- These functions pause and resume ingest
--

CREATE OR REPLACE FUNCTION heartbeat_wake_workers() RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_wake_workers() IS
    'Internal: when the transaction commits, tells the workers to read heartbeat_control and heartbeat_offsets again.';

CREATE OR REPLACE FUNCTION heartbeat_store_pause(reason text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    INSERT INTO heartbeat_control AS c (paused, reason) VALUES (true, heartbeat_store_pause.reason)
        ON CONFLICT (hold) DO UPDATE
        SET paused = true, reason = excluded.reason, changed_by = session_user, changed_at = now();
END;
COMMENT ON FUNCTION heartbeat_store_pause(text) IS 'Internal: does the work of heartbeat_pause() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_pause(reason text DEFAULT NULL) RETURNS void
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

CREATE OR REPLACE FUNCTION heartbeat_store_resume() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    DELETE FROM heartbeat_control WHERE hold = 'restore';
    UPDATE heartbeat_control
        SET paused = false, reason = NULL, changed_by = session_user, changed_at = now() WHERE paused;
END;
COMMENT ON FUNCTION heartbeat_store_resume() IS 'Internal: does the work of heartbeat_resume() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_resume() RETURNS void
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

-- heartbeat_summarize_minute() finds the rows of one minute by the readings' index on time. The query is in a function, because the
-- planner takes the cost of a function from the definition of the function, and not from the query. If vw_customer_bpm_summary
-- itself had this query, the planner would not know that the range of time is short. The server would then scan all readings, and
-- use JIT compilation.
CREATE OR REPLACE FUNCTION heartbeat_summarize_minute(minute timestamptz, OUT customer_id text, OUT avg_bpm double precision,
                                           OUT reading_count bigint) RETURNS SETOF record
    LANGUAGE sql STABLE STRICT SECURITY DEFINER ROWS 100 COST 100
    SET search_path = pg_catalog, pg_temp SET row_security = off SET enable_seqscan = off SET jit = off
    SET max_parallel_workers_per_gather = 0
BEGIN ATOMIC
    SELECT r.customer_id, avg(r.heart_rate), count(*) FROM heartbeat_records r
    WHERE r.event_timestamp >= minute AND r.event_timestamp < minute + interval '1 minute'
    GROUP BY r.customer_id;
END;
COMMENT ON FUNCTION heartbeat_summarize_minute(timestamptz) IS
    'Internal: computes one minute of vw_customer_bpm_summary from the readings.';

--
-- These functions tell which server has the rows of the readings: after heartbeat_distribute() the nodes of Citus, otherwise this
-- server. Most functions outside this section have no code for Citus, and call heartbeat_rows_elsewhere() and
-- heartbeat_free_copied() instead.
--

CREATE OR REPLACE FUNCTION heartbeat_is_spread(records regclass) RETURNS boolean
    LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    distributed boolean;
BEGIN
    IF to_regclass('pg_catalog.pg_dist_partition') IS NULL THEN
        RETURN false;
    END IF;
    EXECUTE 'SELECT EXISTS (SELECT FROM pg_dist_partition p WHERE p.logicalrelid = $1)' INTO distributed USING records;
    RETURN distributed;
END
$$;
COMMENT ON FUNCTION heartbeat_is_spread(regclass) IS
    'Internal: returns whether Citus has distributed the table. Citus need not be installed.';

CREATE OR REPLACE FUNCTION heartbeat_is_distributed() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_is_spread('heartbeat_records'::regclass);
END;
COMMENT ON FUNCTION heartbeat_is_distributed() IS
    'Internal: returns whether heartbeat_distribute() has distributed the tables over the nodes of a Citus cluster.';

CREATE OR REPLACE FUNCTION heartbeat_rows_elsewhere() RETURNS boolean
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_is_distributed();
END;
COMMENT ON FUNCTION heartbeat_rows_elsewhere() IS
    'Internal: returns whether other servers have the rows of the readings and of their rollup. If it returns true, a statement on '
    'these rows must not name a table of this server, and must move rows by INSERT and DELETE.';

CREATE OR REPLACE FUNCTION heartbeat_free_copied(copied regclass[]) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT u FROM unnest(copied) u WHERE u IS NOT NULL LOOP
        EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING one;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_free_copied(regclass[]) IS
    'Internal: after Citus has copied the rows of these tables to its nodes, removes the rows that this server still has.';

--
-- These functions remove the dependencies between functions of the extension from pg_depend when Citus distributes the
-- tables, and record these dependencies again when the tables return to this server.
--

-- Citus creates on its nodes each object that a distributed table depends on. Citus also looks at the views and functions that use
-- the table. If such a view or function calls a function, Citus treats the called function as a dependency of the table. The functions
-- of heartbeat use the tables and call each other. So Citus would find that a table depends on itself, and would refuse to distribute
-- the table. Citus would also find that the table depends on the extension, and would create the extension on the nodes. So heartbeat
-- removes the dependencies. This removal is safe: the body of each function still calls the same functions, and PostgreSQL does not
-- drop a function that belongs to an extension.
CREATE OR REPLACE FUNCTION heartbeat_record_calls(caller regprocedure, recorded boolean) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_record_calls(regprocedure, boolean) IS
    'Internal: with true, records that a function of the extension depends on each function of the extension that its body '
    'calls. With false, removes these dependencies.';

CREATE OR REPLACE FUNCTION heartbeat_record_all_calls(recorded boolean) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT count(heartbeat_record_calls(d.objid::regprocedure, recorded))
    FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat';
END;
COMMENT ON FUNCTION heartbeat_record_all_calls(boolean) IS
    'Internal: calls heartbeat_record_calls() for each function of the extension.';

--
-- These functions store the time at which the last reading of each customer arrived. The time is from the server's clock, because
-- the clock of a device can be wrong.
--

CREATE OR REPLACE FUNCTION heartbeat_max_clock_skew() RETURNS interval
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_classify(0); -- loads the library, which defines the setting
    SELECT current_setting('heartbeat.max_clock_skew')::interval;
END;
COMMENT ON FUNCTION heartbeat_max_clock_skew() IS 'Internal: returns heartbeat.max_clock_skew as an interval.';

CREATE OR REPLACE FUNCTION heartbeat_move_arrivals() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH taken AS (
        DELETE FROM heartbeat_arrivals RETURNING customer_id, heard_until
    ), heard AS MATERIALIZED (
        SELECT t.customer_id, max(t.heard_until) AS heard_until FROM taken t GROUP BY t.customer_id
    ), updated AS (
        UPDATE heartbeat_customers c SET heard_until = h.heard_until FROM heard h
            WHERE c.customer_id = h.customer_id AND coalesce(c.heard_until < h.heard_until, true)
    ), new AS (
        INSERT INTO heartbeat_customers (customer_id, heard_until)
            SELECT h.customer_id, h.heard_until FROM heard h
            WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = h.customer_id LIMIT 1) IS NULL
            ON CONFLICT DO NOTHING RETURNING customer_id
    ), counted AS (
        DELETE FROM heartbeat_customers_total WHERE EXISTS (SELECT FROM new) RETURNING customers
    )
    INSERT INTO heartbeat_customers_total (customers)
        SELECT (SELECT coalesce(sum(c.customers), 0) FROM counted c) + count(*) FROM new HAVING count(*) > 0;
END;
COMMENT ON FUNCTION heartbeat_move_arrivals() IS 'Internal: does the work of heartbeat_take_arrivals() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_take_arrivals() RETURNS integer
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_arrivals'::regclass, 'heartbeat_customers'::regclass,
                                            'heartbeat_customers_total'::regclass]);
    SELECT heartbeat_move_arrivals();
    SELECT coalesce(min(extract(epoch FROM r.period)), 0)::integer FROM heartbeat_alert_rules r
        WHERE r.enabled AND r.kind = 'silence';
END;
COMMENT ON FUNCTION heartbeat_take_arrivals() IS
    'Internal: moves the rows of heartbeat_arrivals to heartbeat_customers. Returns the shortest period of the enabled '
    'silence rules, in seconds (0: there is no such rule). The maintenance worker calls it.';

-- Version 1.1 did not store arrivals. So heartbeat does not know the last arrival of a customer who has sent no reading since the
-- update to 1.2. For such customers this function finds the last reading, and the caller limits the search to the last two days. The
-- subqueries have a LIMIT, so that the planner always uses the keys of the table partitions.
CREATE OR REPLACE FUNCTION heartbeat_heard(records regclass, anomalies regclass, elsewhere boolean, customers text[], since timestamptz,
                                until timestamptz, OUT customer_id text, OUT heard_at timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(CASE WHEN elsewhere THEN
        'SELECT h.customer_id, max(least(h.event_timestamp, h.ingested_at)) FROM %1$s h'
        ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2 AND h.event_timestamp <= $3 GROUP BY h.customer_id'
        ' UNION ALL SELECT h.customer_id, max(least(h.event_timestamp, h.ingested_at)) FROM %2$s h'
        ' WHERE h.customer_id = ANY ($1) AND h.event_timestamp > $2 AND h.event_timestamp <= $3 GROUP BY h.customer_id'
    ELSE
        'SELECT w.customer_id, greatest('
        '(SELECT least(h.event_timestamp, h.ingested_at) FROM %1$s h WHERE h.customer_id = w.customer_id'
        ' AND h.event_timestamp > $2 AND h.event_timestamp <= $3 ORDER BY h.event_timestamp DESC LIMIT 1),'
        '(SELECT least(h.event_timestamp, h.ingested_at) FROM %2$s h WHERE h.customer_id = w.customer_id'
        ' AND h.event_timestamp > $2 AND h.event_timestamp <= $3 ORDER BY h.event_timestamp DESC LIMIT 1))'
        ' FROM unnest($1) w (customer_id)'
    END, records, anomalies) USING customers, since, until;
END
$$;
COMMENT ON FUNCTION heartbeat_heard(regclass, regclass, boolean, text[], timestamptz, timestamptz) IS
    'Internal: returns the time of the last reading of each given customer. It searches only the readings between the two given '
    'times.';

CREATE OR REPLACE FUNCTION heartbeat_customers_after(after_customer text, OUT customer_id text, OUT heard_until timestamptz) RETURNS SETOF record
    LANGUAGE sql STABLE ROWS 10000 SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT c.customer_id, c.heard_until FROM heartbeat_customers c
    WHERE c.customer_id > coalesce(after_customer, '') ORDER BY c.customer_id LIMIT 10000;
END;
COMMENT ON FUNCTION heartbeat_customers_after(text) IS
    'Internal: returns the 10,000 customers after the given customer, or fewer if there are no more.';

CREATE OR REPLACE FUNCTION heartbeat_find_heard(after_customer text) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    WITH unknown AS MATERIALIZED (
        SELECT s.customer_id FROM heartbeat_customers_after(after_customer) s WHERE s.heard_until IS NULL
        UNION
        SELECT c.customer_id FROM heartbeat_customers c
        WHERE c.heard_until IS NULL AND c.customer_id IN (SELECT r.customer_id FROM heartbeat_alert_rules r WHERE r.kind = 'silence' AND r.enabled)
    ), found AS MATERIALIZED (
        SELECT h.customer_id, max(h.heard_at) AS heard_at
        FROM (SELECT array_agg(u.customer_id) AS customers FROM unknown u) u,
             heartbeat_heard('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, heartbeat_rows_elsewhere(), u.customers,
                             now() - interval '2 days', now() + heartbeat_max_clock_skew()) h
        WHERE u.customers IS NOT NULL GROUP BY h.customer_id
    )
    UPDATE heartbeat_customers c SET heard_until = coalesce(f.heard_at, '-infinity')
        FROM unknown u LEFT JOIN found f ON f.customer_id = u.customer_id WHERE c.customer_id = u.customer_id;
END;
COMMENT ON FUNCTION heartbeat_find_heard(text) IS
    'Internal: finds the last arrival of customers who have sent no reading since version 1.2, and stores it in '
    'heartbeat_customers. It examines the 10,000 customers after the given customer, and the customers that a rule names.';

--
-- These functions keep the summary exact when a person changes readings
--

-- The trigger for UPDATE and DELETE is a row trigger, because PostgreSQL copies a row trigger to each table partition of the
-- table. There is no trigger for INSERT, because a trigger would slow down COPY and each restore.
CREATE OR REPLACE FUNCTION heartbeat_mark_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_mark_changed() IS
    'Internal: marks the minutes of readings that are updated, deleted or truncated. It acts as the extension''s owner, so the '
    'role that changes readings needs no right on heartbeat_stale_minutes.';

CREATE OR REPLACE FUNCTION heartbeat_own_changes(begins boolean) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_own_changes(boolean) IS
    'Internal: with true, tells heartbeat_mark_changed() that from now on heartbeat moves or deletes readings, and not a user. '
    'From this call until a call with false or an error, heartbeat_mark_changed() marks no minutes.';

CREATE OR REPLACE FUNCTION heartbeat_release_trigger(table_partition regclass) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_release_trigger(regclass) IS
    'Internal: makes PostgreSQL drop the TRUNCATE trigger of a table partition together with the extension. Otherwise the '
    'trigger of a detached partition would prevent DROP EXTENSION.';

-- PostgreSQL copies the row trigger to each table partition, but it does not copy the trigger for TRUNCATE.
-- heartbeat_watch_truncates() creates the trigger for TRUNCATE on each table partition.
CREATE OR REPLACE FUNCTION heartbeat_watch_changes(records regclass, mark_changed regprocedure) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('CREATE TRIGGER heartbeat_records_changed BEFORE UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %s',
                   records, mark_changed);
    EXECUTE format('CREATE TRIGGER heartbeat_records_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s',
                   records, mark_changed);
END
$$;
COMMENT ON FUNCTION heartbeat_watch_changes(regclass, regprocedure) IS
    'Internal: creates the triggers of heartbeat_records that call heartbeat_mark_changed().';

-- If another session uses a table, this call does not create the table's trigger, and the next call tries again. This function does
-- not itself call heartbeat_release_trigger(): its caller passes the returned tables to heartbeat_release_trigger(). The caller has an
-- SQL body (BEGIN ATOMIC), which refers to a function by oid. So no other function of the same name can make the call ambiguous.
CREATE OR REPLACE FUNCTION heartbeat_watch_truncates(records regclass) RETURNS SETOF regclass
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    function regprocedure := (SELECT t.tgfoid FROM pg_trigger t WHERE t.tgrelid = records AND t.tgname = 'heartbeat_records_truncated');
    timeout text := current_setting('lock_timeout');
    one regclass;
BEGIN
    IF function IS NULL THEN -- the parent has no trigger, because Citus has distributed it and allows no triggers
        RETURN;
    END IF;
    FOR one IN
        WITH RECURSIVE below AS (
            SELECT h.inhrelid FROM pg_inherits h WHERE h.inhparent = records
            UNION ALL SELECT h.inhrelid FROM below b JOIN pg_inherits h ON h.inhparent = b.inhrelid)
        SELECT c.oid FROM below b JOIN pg_class c ON c.oid = b.inhrelid
        WHERE c.relkind IN ('r', 'p') AND pg_has_role(c.relowner, 'USAGE')
          AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgfoid = function AND t.tgtype & 32 <> 0)
        ORDER BY c.oid
    LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '50ms', true);
            EXECUTE format('CREATE TRIGGER heartbeat_records_truncated BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s',
                           one, function);
            RETURN NEXT one;
        EXCEPTION WHEN lock_not_available OR duplicate_object THEN
            NULL;
        END;
    END LOOP;
    PERFORM set_config('lock_timeout', timeout, true);
END
$$;
COMMENT ON FUNCTION heartbeat_watch_truncates(regclass) IS
    'Internal: creates the TRUNCATE trigger on the table partitions of heartbeat_records that lack it, and returns these '
    'partitions.';

-- The function is in PL/pgSQL and not in SQL, because the rows of heartbeat_records can be on other servers. In that case a query
-- inside an SQL function cannot use the parameters of the function.
CREATE OR REPLACE FUNCTION heartbeat_minutes_between(records regclass, rollup regclass, pending regclass, from_time timestamptz, to_time timestamptz)
    RETURNS SETOF timestamptz
    LANGUAGE plpgsql STABLE STRICT SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT m.minute_bucket FROM ('
        'SELECT r.minute_bucket FROM %2$s r'
        ' UNION SELECT p.minute_bucket FROM %3$s p WHERE p.reading_count > 0'
        ' UNION SELECT date_trunc(''minute'', h.event_timestamp, ''UTC'') FROM %1$s h'
        ' WHERE h.event_timestamp >= date_trunc(''minute'', $1, ''UTC'') AND h.event_timestamp < $2) m'
        ' WHERE m.minute_bucket >= date_trunc(''minute'', $1, ''UTC'') AND m.minute_bucket < $2 AND isfinite(m.minute_bucket)',
        records, rollup, pending) USING from_time, to_time;
END
$$;
COMMENT ON FUNCTION heartbeat_minutes_between(regclass, regclass, regclass, timestamptz, timestamptz) IS
    'Internal: returns the minutes that have readings or a rollup, from from_time (included) to to_time (not included).';

CREATE OR REPLACE FUNCTION heartbeat_mark_minutes(from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH marked AS (
        INSERT INTO heartbeat_stale_minutes (minute_bucket)
        SELECT m.minute_bucket
        FROM heartbeat_minutes_between('heartbeat_records'::regclass, 'heartbeat_rollup'::regclass, 'heartbeat_rollup_pending'::regclass,
                                       from_time, to_time) m (minute_bucket)
        RETURNING 1
    )
    SELECT count(*) FROM marked;
END;
COMMENT ON FUNCTION heartbeat_mark_minutes(timestamptz, timestamptz) IS
    'Internal: does the work of heartbeat_rebuild_summary() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_record_rebuild(from_time timestamptz, to_time timestamptz, minutes bigint) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_record_event('rebuild', NULL, jsonb_build_object('from', from_time, 'to', to_time, 'minutes', minutes));
    SELECT heartbeat_wake_workers();
    SELECT minutes;
END;
COMMENT ON FUNCTION heartbeat_record_rebuild(timestamptz, timestamptz, bigint) IS
    'Internal: records the event of heartbeat_rebuild_summary().';

CREATE OR REPLACE FUNCTION heartbeat_rebuild_summary(from_time timestamptz, to_time timestamptz) RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC'
BEGIN ATOMIC
    SELECT heartbeat_require(from_time < to_time,
                             format('cannot rebuild the summary from %s to %s', coalesce(from_time::text, 'NULL'),
                                    coalesce(to_time::text, 'NULL')),
                             'invalid_parameter_value', 'Give two times, the earlier first. -infinity and infinity rebuild all of it.');
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_stale_minutes'::regclass, 'heartbeat_events'::regclass]);
    SELECT heartbeat_record_rebuild(from_time, to_time, m.minutes) FROM heartbeat_mark_minutes(from_time, to_time) m (minutes);
END;
COMMENT ON FUNCTION heartbeat_rebuild_summary(timestamptz, timestamptz) IS
    'Rebuilds vw_customer_bpm_summary from the readings, and returns the number of minutes that it rebuilds. It rebuilds the '
    'minutes from from_time (included) to to_time (not included). The view is exact as soon as the call commits. Call it after '
    'changes that no trigger sees: COPY or INSERT of readings, changes in a session with session_replication_role = replica, and '
    'attaching or detaching a table partition.';

--
-- Table partitions: heartbeat_records, heartbeat_anomalies and heartbeat_rollup each have one table partition for each week (from
-- Monday, UTC). Rows of a week without a table partition go to the default partition.
--

-- heartbeat_make_partitions() refers to the tables by oid, and passes the tables to other functions as regclass. If the range of an
-- existing table partition overlaps a week, the function creates no further partition of the same table for this week. The name and
-- the owner of the existing table partition do not matter. If another table or type already has the name that the new table partition
-- usually gets (such as heartbeat_records_2026w47), the new table partition gets another name.
--
-- To move rows, heartbeat_make_partitions() first deletes the rows from the default partition, then attaches the week's table, and
-- then inserts the rows into this table. So a publication of the parents publishes first the DELETE and then the INSERT. A subscriber
-- has a unique key on the rows, so it can apply the two changes only in this order. If the INSERT came before ATTACH PARTITION,
-- PostgreSQL would not publish the INSERT, and the subscriber would lose the rows.
CREATE OR REPLACE FUNCTION heartbeat_move_rows(source regclass, target regclass) RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_move_rows(regclass, regclass) IS
    'Internal: inserts the rows of one table into another table with the same columns, and returns the number of rows. No '
    'trigger fires, so the caller must own both tables.';

CREATE OR REPLACE FUNCTION heartbeat_drop_moved(moved_rows regclass[]) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    one regclass;
BEGIN
    FOR one IN SELECT u FROM unnest(moved_rows) u WHERE u IS NOT NULL LOOP
        EXECUTE format('DROP TABLE %s', one);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_drop_moved(regclass[]) IS
    'Internal: drops the tables whose rows heartbeat_make_partitions() has moved.';

-- This function does not itself call heartbeat_move_rows(): its caller passes each table of `moved_rows`, with the week's table from
-- `weeks`, to heartbeat_move_rows(). The caller has an SQL body (BEGIN ATOMIC), which refers to a function by oid. So no other function
-- of the same name can make the call ambiguous.
CREATE OR REPLACE FUNCTION heartbeat_make_weeks(first_event timestamptz, last_event timestamptz, parents regclass[],
                                     time_columns text[], elsewhere boolean,
                                     OUT made integer, OUT moved_rows regclass[], OUT weeks regclass[], OUT copied regclass[])
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    missing record;
    schema name;
    name text;
    default_table regclass;
    new_table regclass;
    columns text;
    moving boolean;
    moved bigint;
    holder regclass; -- keeps the rows until the week's table is attached; it is unlogged, so that no publication includes it
    obstacle text;
    owner regrole;
    attempt integer;
    has_type boolean;
    -- whether a role other than the owner and the superusers can have created a trigger
    others_may boolean := EXISTS (
        SELECT FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
        WHERE (c.oid = ANY (parents::oid[]) OR c.oid IN (SELECT p.partdefid FROM pg_partitioned_table p WHERE p.partrelid = ANY (parents::oid[])))
          AND a.privilege_type = 'TRIGGER' AND a.grantee <> c.relowner AND g.rolsuper IS NOT TRUE);
BEGIN
    made := 0;
    moved_rows := '{}';
    weeks := '{}';
    copied := '{}';
    IF (first_event >= '0001-01-01 00:00:00+00' AND last_event <= first_event + interval '10 years') IS NOT TRUE THEN
        RAISE EXCEPTION 'cannot create table partitions from % to %', first_event, last_event USING ERRCODE = 'invalid_parameter_value';
    END IF;
    FOR missing IN -- the lock of this loop can wait minutes for ANALYZE, so take the lock only if a table partition is missing
        WITH bounds AS MATERIALIZED (
            SELECT h.inhparent AS parent,
                   coalesce((regexp_match(b.text, $x$FROM \('([^']+)'\)$x$))[1], '-infinity')::timestamptz AS begin,
                   coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz AS end
            FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_partitioned_table t ON t.partrelid = h.inhparent,
                 -- The query does not call pg_get_expr() for the default partition. pg_get_expr() waits for locks on the table,
                 -- and each session that creates table partitions locks the default partition.
                 LATERAL (SELECT CASE WHEN c.oid = t.partdefid THEN 'DEFAULT' ELSE pg_get_expr(c.relpartbound, c.oid) END) b (text)
            WHERE h.inhparent = ANY (parents::oid[]) AND b.text LIKE 'FOR VALUES FROM%')
        SELECT w.week, p.parent, p.number
        FROM generate_series(date_trunc('week', first_event), last_event, interval '7 days') w (week),
             unnest(parents) WITH ORDINALITY p (parent, number)
        WHERE NOT EXISTS (SELECT FROM bounds b WHERE b.parent = p.parent
                          AND b.begin < w.week + interval '7 days' AND b.end > w.week)
        ORDER BY w.week, p.number
    LOOP
        IF made = 0 THEN -- this lock lets only one session create table partitions; readers and writers continue
            EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', parents[1]);
        END IF;
        -- another session can have created the table partition meanwhile
        CONTINUE WHEN EXISTS (
            SELECT FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhrelid JOIN pg_partitioned_table t ON t.partrelid = h.inhparent
            WHERE h.inhparent = missing.parent
              AND CASE WHEN c.oid = t.partdefid THEN false
                  ELSE pg_get_expr(c.relpartbound, c.oid) LIKE format('FOR VALUES FROM (%L)%%', missing.week) END);
        schema := (SELECT n.nspname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.oid = missing.parent);
        name := (SELECT c.relname FROM pg_class c WHERE c.oid = missing.parent) || to_char(missing.week, '_IYYY"w"IW');
        default_table := (SELECT p.partdefid FROM pg_partitioned_table p WHERE p.partrelid = missing.parent AND p.partdefid <> 0);
        FOR attempt IN 1 .. 4 LOOP
            BEGIN
                EXECUTE format('CREATE TABLE %I.%I (LIKE %s INCLUDING ALL)', schema, name, missing.parent);
                EXIT;
            EXCEPTION WHEN duplicate_table OR duplicate_object OR unique_violation THEN
                IF attempt = 4 THEN
                    RAISE;
                END IF;
                -- the end of the name is random, so no role can have created a table of this name in advance
                name := left(name, 40) || '_' || left(md5(random()::text), 8);
            END;
        END LOOP;
        new_table := format('%I.%I', schema, name)::regclass;
        -- If heartbeat_set_owner() changed the owner while this function waited for the lock, this function still acts as the old
        -- owner, so the new table belongs to the old owner.
        owner := (SELECT c.relowner::regrole FROM pg_class c WHERE c.oid = missing.parent);
        IF owner <> quote_ident(current_user)::regrole THEN
            EXECUTE format('ALTER TABLE %s OWNER TO %s', new_table, owner);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM PUBLIC', new_table); -- the owner's default privileges may grant rights to PUBLIC
        EXECUTE format('ALTER TABLE %s REPLICA IDENTITY FULL', new_table); -- the parent has the same identity
        IF time_columns[missing.number] = 'minute_bucket' THEN
            EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (minute_bucket, customer_id)', new_table);
        ELSE
            EXECUTE format('ALTER TABLE %s ADD PRIMARY KEY (customer_id, event_timestamp)', new_table);
            has_type := EXISTS (SELECT FROM pg_attribute a
                                WHERE a.attrelid = new_table AND a.attname = 'anomaly_type' AND NOT a.attisdropped);
            IF has_type THEN -- an index for anomalies whose time is after their arrival
                EXECUTE format('CREATE INDEX ON %s (ingested_at) WHERE event_timestamp > ingested_at', new_table);
            END IF;
            EXECUTE format('CREATE INDEX ON %s %s', new_table, CASE
                WHEN has_type THEN '(event_timestamp)'
                -- other servers need autosummarize, because the maintenance worker summarizes only the indexes of this server
                ELSE 'USING brin (event_timestamp) WITH (pages_per_range = 16'
                     || CASE WHEN elsewhere THEN ', autosummarize = on)' ELSE ')' END END);
        END IF;
        -- A move also locks the parent. Without this lock, PostgreSQL would not plan a waiting statement again after the
        -- move. The statement would then not find the rows in the new table partition.
        moved := 0;
        IF default_table IS NOT NULL THEN
            EXECUTE format('SELECT EXISTS (SELECT 1 FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L)',
                           default_table, time_columns[missing.number], missing.week, missing.week + interval '7 days') INTO moving;
            IF moving THEN
                EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', missing.parent);
            END IF;
            EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', default_table);
            obstacle := (
                SELECT string_agg(o.code, ', ') FROM (
                    SELECT format('trigger %I', t.tgname)
                    FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_roles r ON r.oid = f.proowner
                    WHERE t.tgrelid = default_table AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0
                      -- PostgreSQL 14 also sets tgisinternal for a user's trigger that a table partition has from its parent. So the
                      -- query recognizes an internal trigger by its constraint instead.
                      AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't')
                      AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                                      WHERE d.classid = 'pg_proc'::regclass AND d.objid = t.tgfoid
                                        AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
                      AND NOT ((f.proowner = quote_ident(current_user)::regrole OR r.rolsuper) AND NOT others_may)
                    -- A foreign key with an action, such as ON DELETE CASCADE, changes rows of another table. The AFTER triggers of that
                    -- table run when the DELETE below ends, with the rights of the extension's owner.
                    UNION ALL SELECT format('a trigger of table %s, for its foreign key %I', c.conrelid::regclass, c.conname)
                    FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = default_table AND c.confdeltype NOT IN ('a', 'r')
                    UNION ALL SELECT format('rule %I', w.rulename)
                    FROM pg_rewrite w WHERE w.ev_class = default_table AND w.ev_type = '4'
                    UNION ALL SELECT format('code of role %s, which owns it,', c.relowner::regrole)
                    FROM pg_class c WHERE c.oid = default_table AND c.relowner <> quote_ident(current_user)::regrole) o (code));
            IF moving AND obstacle IS NOT NULL THEN
                RAISE EXCEPTION 'cannot move rows of table % to their week: % would run as the extension''s owner',
                    default_table, obstacle
                    USING ERRCODE = 'object_not_in_prerequisite_state',
                          HINT = 'Drop the trigger, rule or foreign key, or create the trigger only for INSERT: a move deletes the rows from the default partition.';
            END IF;
            columns := (SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute
                        WHERE attrelid = missing.parent AND attnum > 0 AND NOT attisdropped AND attgenerated = '');
            IF moving AND NOT elsewhere THEN
                name := 'heartbeat_moved_' || md5(random()::text);
                EXECUTE format('CREATE UNLOGGED TABLE %I.%I (LIKE %s INCLUDING GENERATED)', schema, name, new_table);
                holder := format('%I.%I', schema, name)::regclass;
            END IF;
            IF moving THEN
                EXECUTE format('INSERT INTO %6$s (%5$s) SELECT %5$s FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L', default_table,
                               time_columns[missing.number], missing.week, missing.week + interval '7 days', columns,
                               coalesce(holder, new_table));
                GET DIAGNOSTICS moved = ROW_COUNT;
            END IF;
            IF moved > 0 THEN
                EXECUTE format('DELETE FROM %1$s WHERE %2$I >= %3$L AND %2$I < %4$L', default_table,
                               time_columns[missing.number], missing.week, missing.week + interval '7 days');
            END IF;
        END IF;
        EXECUTE format('ALTER TABLE %s ATTACH PARTITION %s FOR VALUES FROM (%L) TO (%L)',
                       missing.parent, new_table, missing.week, missing.week + interval '7 days');
        IF holder IS NOT NULL THEN
            moved_rows := moved_rows || holder;
            weeks := weeks || new_table;
            holder := NULL;
        END IF;
        IF elsewhere AND moved > 0 THEN -- ATTACH PARTITION has copied the rows to other servers, but has not removed them here
            copied := copied || new_table;
        END IF;
        made := made + 1;
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_make_weeks(timestamptz, timestamptz, regclass[], text[], boolean) IS
    'Internal: does the work of heartbeat_make_partitions(), with its tables by oid. Returns the number of created tables '
    '(made); the tables with rows that must still be moved (moved_rows), each with its week (weeks); and the created tables '
    'whose rows ATTACH PARTITION has copied to other servers (copied).';

-- While this function waits for a long query, other sessions wait behind this function. The lock timeout limits this wait.
CREATE OR REPLACE FUNCTION heartbeat_make_partitions(first_event timestamptz, last_event timestamptz) RETURNS integer
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    SELECT heartbeat_require(first_event >= '0001-01-01 00:00:00+00'::timestamptz
                             AND last_event <= '9999-12-31 23:59:59.999999+00'::timestamptz,
                             format('cannot create table partitions from %s to %s'::text, coalesce(first_event::text, 'NULL'::text),
                                    coalesce(last_event::text, 'NULL'::text)), 'invalid_parameter_value'::text,
                             'Give two times in the years 1 to 9999, the earlier first.'::text);
    SELECT heartbeat_require(first_event <= last_event,
                             format('cannot create table partitions from %s to %s, which is earlier'::text, first_event, last_event),
                             'invalid_parameter_value'::text, 'Give the earlier time first.'::text);
    SELECT heartbeat_require(last_event <= first_event + interval '10 years',
                             format('cannot create table partitions from %s to %s: that is more than ten years'::text, first_event, last_event),
                             'invalid_parameter_value'::text,
                             'Create table partitions for the years that have readings. Other readings go to the default partitions.'::text);
    -- the rollup already includes the readings that the function moves, so the trigger need not mark their minutes
    SELECT heartbeat_own_changes(true);
    -- Each item of FROM uses a result of the item before it, so that PostgreSQL evaluates them in this order.
    SELECT m.made FROM heartbeat_make_weeks(first_event, last_event,
            ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass],
            ARRAY['event_timestamp'::text, 'event_timestamp'::text, 'minute_bucket'::text], heartbeat_rows_elsewhere()) m,
        LATERAL (SELECT count(heartbeat_move_rows(u.holder, u.week)) FROM unnest(m.moved_rows, m.weeks) u (holder, week)) moved (tables),
        LATERAL heartbeat_drop_moved(CASE WHEN moved.tables >= 0 THEN m.moved_rows END) dropped,
        LATERAL heartbeat_free_copied(CASE WHEN moved.tables >= 0 THEN m.copied END) freed,
        LATERAL heartbeat_own_changes(moved.tables < 0) ended,
        LATERAL (SELECT count(heartbeat_release_trigger(w.watched))
                 FROM heartbeat_watch_truncates(CASE WHEN moved.tables >= 0 THEN 'heartbeat_records'::regclass END) w (watched)) released;
END;
COMMENT ON FUNCTION heartbeat_make_partitions(timestamptz, timestamptz) IS
    'Creates the weekly table partitions that readings between the two times need, moves readings of these weeks out of the '
    'default partitions, and returns the number of created tables. The maintenance worker calls the function. You can also call '
    'it earlier. The function fails with lock_not_available if it waits longer than a second for a lock.';

--
-- This function summarizes the new blocks in the BRIN indexes of the weekly table partitions. The maintenance worker calls it.
--

-- Autosummarize would do the same, but PostgreSQL writes a message to the log each time that ingest fills the queue of
-- autosummarize.
CREATE OR REPLACE FUNCTION heartbeat_summarize_partitions() RETURNS bigint
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    -- this query is in WITH, because a table whose rows are on other servers cannot be joined with a table of this server
    WITH pending AS MATERIALIZED (
        SELECT DISTINCT minute_bucket FROM heartbeat_rollup_pending
    )
    SELECT coalesce(sum(brin_summarize_new_values(x.indexrelid::regclass)), 0)
    FROM pg_inherits h
    JOIN pg_class p ON p.oid = h.inhrelid AND p.relkind = 'r'::"char"
    JOIN pg_index x ON x.indrelid = p.oid
    JOIN pg_class i ON i.oid = x.indexrelid
    JOIN pg_am a ON a.oid = i.relam AND a.amname = 'brin'::name,
    LATERAL (SELECT pg_get_expr(p.relpartbound, p.oid)) b (bound),
    LATERAL (SELECT coalesce((regexp_match(b.bound, $x$FROM \('([^']+)'\)$x$::text))[1], '-infinity'::text)::timestamptz AS "begin",
                    coalesce((regexp_match(b.bound, $x$TO \('([^']+)'\)$x$::text))[1], 'infinity'::text)::timestamptz AS "end") r
    WHERE h.inhparent = 'heartbeat_records'::regclass::oid AND b.bound <> 'DEFAULT'::text
      AND (r."begin" <= now() AND r."end" > now()
           OR EXISTS (SELECT FROM heartbeat_stale_minutes s WHERE s.minute_bucket >= r."begin" AND s.minute_bucket < r."end")
           OR EXISTS (SELECT FROM pending s WHERE s.minute_bucket >= r."begin" AND s.minute_bucket < r."end"));
END;
COMMENT ON FUNCTION heartbeat_summarize_partitions() IS
    'Internal: summarizes the new blocks in the BRIN indexes of this week, and of the weeks that the rollup will read.';

--
-- Functions that count and retry dead letters, and a view that summarizes dead letters
--

CREATE OR REPLACE FUNCTION heartbeat_keep_original() RETURNS trigger
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    NEW.mended_at := now();
    NEW.original_payload := OLD.payload;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION heartbeat_keep_original() IS
    'Internal: when a person changes the payload of a dead letter, keeps a copy of the payload that arrived.';
-- This trigger counts the unresolved dead letters that a person or retention deletes, so that heartbeat_audit_tables() stays exact.
-- The workers also need this number: they compare heartbeat.dead_letter_limit with counters, and do not count the rows.
CREATE OR REPLACE FUNCTION heartbeat_count_deleted() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_count_deleted() IS
    'Internal: adds the number of deleted unresolved dead letters to the counter in heartbeat_offsets. Workers that stopped at '
    'heartbeat.dead_letter_limit then try again.';
CREATE OR REPLACE FUNCTION heartbeat_retry_dead_letters(error_code text DEFAULT NULL, topic text DEFAULT NULL,
                                             partition integer DEFAULT NULL,
                                             arrived_since timestamptz DEFAULT NULL,
                                             arrived_until timestamptz DEFAULT NULL, ids bigint[] DEFAULT NULL,
                                             OUT resolved bigint, OUT remaining bigint, OUT remaining_errors jsonb)
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_retry_dead_letters(text, text, integer, timestamptz, timestamptz, bigint[]) IS
    'Decodes unresolved dead letters again, stores each dead letter that is a reading now, and marks it as resolved, all in '
    'the transaction of the caller. The arguments restrict the retry: an error code, a topic, a Kafka partition, the time of '
    'arrival (arrived_since <= arrived_at < arrived_until), ids. Returns how many dead letters were resolved, how many '
    'remain, and the errors of the remaining dead letters as {"code": count}. Raises an error for a code that no dead letter '
    'can have.';

-- The view has no payloads, so that roles without access to patients' data can read it.
CREATE OR REPLACE VIEW heartbeat_dead_letter_summary WITH (security_barrier) AS
    SELECT e.error_code, e.dead_letters, e.first_arrived_at, e.last_arrived_at, l.id AS example_id,
           l.topic AS example_topic, l.partition AS example_partition, l."offset" AS example_offset,
           l.error_text AS example_error
    FROM (SELECT d.error_code, count(*) AS dead_letters, min(d.arrived_at) AS first_arrived_at,
                 max(d.arrived_at) AS last_arrived_at, max(d.id) AS newest
          FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL GROUP BY d.error_code) e
    JOIN heartbeat_dead_letters l ON l.id = e.newest
    ORDER BY e.dead_letters DESC, e.error_code;
COMMENT ON VIEW heartbeat_dead_letter_summary IS
    'One row for each error code of the unresolved dead letters: their number, the times of their arrival, and the newest dead '
    'letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.error_code IS 'The error of the last attempt.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.dead_letters IS 'Number of unresolved dead letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.first_arrived_at IS 'When the first of these dead letters arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.last_arrived_at IS 'When the last of these dead letters arrived.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_id IS 'The id of the newest dead letter in heartbeat_dead_letters.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_topic IS 'Kafka topic of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_partition IS 'Kafka partition of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_offset IS 'Kafka offset of the newest dead letter.';
COMMENT ON COLUMN heartbeat_dead_letter_summary.example_error IS 'Error text of the newest dead letter.';

--
-- These functions change the offset at which ingest continues
--

CREATE OR REPLACE FUNCTION heartbeat_move_offset(topic text, partition integer, next_offset bigint, reason text) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    WITH moved AS (
        UPDATE heartbeat_offsets o
            SET next_offset = heartbeat_move_offset.next_offset,
                empty_offsets = o.empty_offsets + greatest(heartbeat_move_offset.next_offset - before.next_offset, 0),
                rewound = o.rewound + greatest(before.next_offset - heartbeat_move_offset.next_offset, 0),
                -- The values of these columns belong to the old offset, so the columns become NULL. The worker finds the ids of
                -- the cluster and of the topic again. It has not consumed the message before the new offset.
                cluster_id = NULL, topic_id = NULL, lost_at = NULL, lost_reason = NULL, last_message_offset = NULL,
                message_marks = NULL, truncated_to = NULL,
                updated_at = now()
            FROM (SELECT s.topic, s.partition, s.next_offset FROM heartbeat_offsets s
                  WHERE s.topic = heartbeat_move_offset.topic AND s.partition = heartbeat_move_offset.partition
                  FOR UPDATE) before
            WHERE o.topic = before.topic AND o.partition = before.partition
            RETURNING o.topic, o.partition, before.next_offset AS previous
    ), begun AS (
        INSERT INTO heartbeat_offsets (topic, partition, next_offset, first_offset)
            SELECT heartbeat_move_offset.topic, heartbeat_move_offset.partition,
                   heartbeat_move_offset.next_offset, heartbeat_move_offset.next_offset
            WHERE NOT EXISTS (SELECT FROM moved)
    ), skipped AS (
        INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason)
            SELECT m.topic, m.partition, m.previous, heartbeat_move_offset.next_offset, heartbeat_move_offset.reason
            FROM moved m WHERE heartbeat_move_offset.next_offset > m.previous
    )
    SELECT m.previous
    FROM (SELECT (SELECT previous FROM moved) AS previous) m,
         LATERAL heartbeat_record_event('seek', heartbeat_move_offset.reason, jsonb_build_object(
             'topic', heartbeat_move_offset.topic, 'partition', heartbeat_move_offset.partition,
             'previous_offset', m.previous, 'next_offset', heartbeat_move_offset.next_offset)) recorded;
END;
COMMENT ON FUNCTION heartbeat_move_offset(text, integer, bigint, text) IS
    'Internal: changes the next offset of a Kafka partition, records the skipped or repeated offsets, and returns the '
    'previous offset (NULL if none was stored).';

CREATE OR REPLACE FUNCTION heartbeat_forget_offset(topic text, partition integer) RETURNS bigint
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(NOT EXISTS (SELECT FROM heartbeat_offsets o
                                         WHERE o.topic = heartbeat_forget_offset.topic AND o.partition = heartbeat_forget_offset.partition
                                           AND o.records::numeric + o.anomalies + o.duplicates + o.dead_letters > 0),
                             format('cannot remove the offset of partition %s of topic "%s": a worker has read the partition', partition, topic),
                             'object_not_in_prerequisite_state',
                             format('heartbeat_seek(%s, 0) begins at offset 0. heartbeat_seek(timestamptz) begins at a time.', partition));
    WITH forgotten AS (
        DELETE FROM heartbeat_offsets o
            WHERE o.topic = heartbeat_forget_offset.topic AND o.partition = heartbeat_forget_offset.partition
            RETURNING o.next_offset
    ), gaps AS (
        DELETE FROM heartbeat_gaps g
            WHERE g.topic = heartbeat_forget_offset.topic AND g.partition = heartbeat_forget_offset.partition
    )
    SELECT f.next_offset
    FROM (SELECT (SELECT next_offset FROM forgotten) AS next_offset) f,
         LATERAL heartbeat_record_event('seek', 'heartbeat_seek removed the offset', jsonb_build_object(
             'topic', heartbeat_forget_offset.topic, 'partition', heartbeat_forget_offset.partition,
             'previous_offset', f.next_offset, 'next_offset', NULL)) recorded;
END;
COMMENT ON FUNCTION heartbeat_forget_offset(text, integer) IS
    'Internal: removes the offset of a Kafka partition that no worker has read, and returns it (NULL if none was stored).';

CREATE OR REPLACE FUNCTION heartbeat_require_pause() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_require(EXISTS (SELECT FROM heartbeat_control WHERE paused),
                             'heartbeat_seek needs ingest to be paused', 'object_not_in_prerequisite_state',
                             'Call heartbeat_pause() first and heartbeat_resume() afterwards.');
END;
COMMENT ON FUNCTION heartbeat_require_pause() IS 'Internal: raises an error unless ingest is paused.';

CREATE OR REPLACE FUNCTION heartbeat_check_offset(partition integer, next_offset bigint) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_check_offset(integer, bigint) IS
    'Internal: if Kafka does not hold this offset, raises an error with the offsets that Kafka holds. If Kafka does not answer, '
    'raises a notice.';

CREATE OR REPLACE FUNCTION heartbeat_seek(partition integer, next_offset bigint,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require(partition >= 0 AND coalesce(next_offset BETWEEN 0 AND 1000000000000000, true),
                             format('heartbeat_seek needs a partition from 0 and an offset from 0 to 1000000000000000, not (%s, %s)',
                                    coalesce(partition::text, 'NULL'), coalesce(next_offset::text, 'NULL')),
                             'invalid_parameter_value', 'heartbeat_partitions shows the partitions with their offsets.');
    SELECT heartbeat_require_pause();
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_offsets'::regclass, 'heartbeat_gaps'::regclass]);
    SELECT heartbeat_wake_workers(); -- loads the library, which defines the setting
    SELECT heartbeat_check_offset(partition, next_offset);
    SELECT current_setting('heartbeat.topic'), partition,
           CASE WHEN next_offset IS NULL THEN heartbeat_forget_offset(current_setting('heartbeat.topic'), partition)
                ELSE heartbeat_move_offset(current_setting('heartbeat.topic'), partition, next_offset, 'heartbeat_seek to an offset') END,
           next_offset;
END;
COMMENT ON FUNCTION heartbeat_seek(integer, bigint) IS
    'Sets the offset (0 to 10^15) that ingest reads next from a Kafka partition of heartbeat.topic. A lower offset reads '
    'messages again (readings that are already stored count as duplicates). A higher offset skips messages, and heartbeat_gaps '
    'records them. Ingest must be paused. The function refuses a partition or an offset that Kafka does not hold. If Kafka does '
    'not answer or does not have the topic yet, the function accepts the offset with a notice. NULL removes an offset that was '
    'set for a partition that no worker has read. Returns the previous offset and the new offset.';

CREATE OR REPLACE FUNCTION heartbeat_kafka_offsets(kafka_time timestamptz, only_partition integer DEFAULT NULL,
                                        OUT partition integer, OUT next_offset bigint)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_kafka_offsets(timestamptz, integer) IS
    'Asks Kafka for the first offset whose Kafka timestamp is at or after the given time, in one Kafka partition of '
    'heartbeat.topic or in each of them. For a partition without such a message, returns the end offset.';

-- The last query sorts its rows, so the function moves all Kafka partitions even if the caller fetches only one row.
CREATE OR REPLACE FUNCTION heartbeat_seek(kafka_time timestamptz, partition integer DEFAULT NULL,
                               OUT topic text, OUT kafka_partition integer, OUT previous_offset bigint,
                               OUT new_offset bigint)
    RETURNS SETOF record
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_require(isfinite(kafka_time),
                             'heartbeat_seek needs a finite time, not ' || coalesce(kafka_time::text, 'NULL'),
                             'invalid_parameter_value', 'heartbeat_seek() compares the time with the Kafka timestamps of the messages.');
    SELECT heartbeat_require_pause();
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_offsets'::regclass, 'heartbeat_gaps'::regclass]);
    SELECT heartbeat_wake_workers(); -- loads the library, which defines the setting
    WITH moved AS MATERIALIZED (
        SELECT k.partition, k.next_offset,
               heartbeat_move_offset(current_setting('heartbeat.topic'), k.partition, k.next_offset,
                                     'heartbeat_seek to ' || kafka_time::text) AS previous
        FROM heartbeat_kafka_offsets(kafka_time, heartbeat_seek.partition) k
    )
    SELECT current_setting('heartbeat.topic'), m.partition, m.previous, m.next_offset FROM moved m ORDER BY m.partition;
END;
COMMENT ON FUNCTION heartbeat_seek(timestamptz, integer) IS
    'Sets the next offset of one Kafka partition of heartbeat.topic, or of all partitions, to the first message whose Kafka '
    'timestamp is at or after the given time. Ingest must be paused. Returns the previous offset and the new offset of each '
    'partition.';

--
-- This function reads the messages of a time span again, while ingest continues
--

CREATE OR REPLACE FUNCTION heartbeat_replay(from_time timestamptz, to_time timestamptz, only_partition integer DEFAULT NULL,
                                 OUT partition integer, OUT from_offset bigint, OUT to_offset bigint,
                                 OUT messages bigint, OUT records bigint, OUT anomalies bigint,
                                 OUT duplicates bigint, OUT dead_letters bigint)
    RETURNS SETOF record
    AS 'MODULE_PATHNAME' LANGUAGE C SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_replay(timestamptz, timestamptz, integer) IS
    'Reads messages of heartbeat.topic again, from all Kafka partitions or from the given one, and stores the readings and dead '
    'letters that the tables lack, in the caller''s transaction. It begins with the first message whose Kafka timestamp is at '
    'or after from_time, and ends before the first message whose Kafka timestamp is at or after to_time. A second call stores '
    'nothing. Ingest continues, and its offsets do not change. The replay leaves out messages that ingest has not reached. The '
    'audits (heartbeat_audit() and heartbeat_audit_tables()) stay correct. For this, the replay counts messages that a seek had '
    'skipped. It does not count the messages of deleted readings, because ingest has counted them already. An unresolved dead '
    'letter stays unresolved: see heartbeat_retry_dead_letters(). Raises an error if Kafka no longer holds the whole time span. '
    'Returns one row for each Kafka partition, with the numbers of messages that the replay has read and stored.';

--
-- Retention: these functions delete old rows
--

-- heartbeat_apply_retention() refers to the tables by oid, and passes the tables to this function as regclass.
CREATE OR REPLACE FUNCTION heartbeat_remove_old(retention interval, records regclass, anomalies regclass, rollup regclass,
                                     records_default regclass, anomalies_default regclass, rollup_default regclass,
                                     rollup_pending regclass, gaps regclass, events regclass, alerts regclass,
                                     dead_letters regclass, control regclass,
                                     OUT partitions_dropped integer, OUT readings_deleted bigint, OUT dead_letters_deleted bigint)
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    cutoff timestamptz := date_trunc('minute', now() - retention); -- a full minute, because the rollup has full minutes
    kept_from timestamptz;
    old regclass[];
    one regclass;
    old_letters bigint[];
    deleted bigint;
    obstacle text;
    attempt integer;
    deleted_from oid[] := ARRAY[records_default, anomalies_default, rollup_default, dead_letters];
    -- whether a role other than the owner and the superusers can have created a trigger
    others_may boolean := EXISTS (
        SELECT FROM pg_class c, aclexplode(c.relacl) a LEFT JOIN pg_roles g ON g.oid = a.grantee
        WHERE c.oid IN (records, anomalies, rollup, records_default, anomalies_default, rollup_default, dead_letters)
          AND a.privilege_type = 'TRIGGER' AND a.grantee <> c.relowner AND g.rolsuper IS NOT TRUE);
BEGIN
    partitions_dropped := 0;
    readings_deleted := 0;
    dead_letters_deleted := 0;
    IF retention = interval '0' THEN
        RETURN;
    END IF;
    -- The slow statements come first. These statements can wait for the rollup, or for the maintenance worker, which also applies
    -- retention. The locks of these statements do not conflict with the locks of ingest, so ingest continues meanwhile.
    PERFORM set_config('lock_timeout', '30s', true);
    EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', gaps);
    EXECUTE format('LOCK TABLE ONLY %s, ONLY %s, ONLY %s, ONLY %s IN ROW EXCLUSIVE MODE', records_default, anomalies_default,
                   rollup_default, dead_letters); -- from here on no role can create a trigger on these tables
    obstacle := (
        SELECT o.code FROM (
            SELECT format('trigger %I on table %s', t.tgname, t.tgrelid::regclass)
            FROM pg_trigger t JOIN pg_proc f ON f.oid = t.tgfoid JOIN pg_roles r ON r.oid = f.proowner
            WHERE t.tgrelid = ANY (deleted_from) AND t.tgenabled <> 'D' AND t.tgtype & 8 <> 0
              -- PostgreSQL 14 also sets tgisinternal for a user's trigger that a table partition has from its parent. So the
              -- query recognizes an internal trigger by its constraint instead.
              AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = t.tgconstraint AND k.contype <> 't')
              AND NOT ((f.proowner = quote_ident(current_user)::regrole OR r.rolsuper) AND NOT others_may)
              AND NOT EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                              WHERE d.classid = 'pg_proc'::regclass AND d.objid = t.tgfoid
                                AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e')
            -- A foreign key with an action, such as ON DELETE CASCADE, changes rows of another table. The AFTER triggers of that
            -- table run when the DELETE below ends, with the rights of the extension's owner.
            UNION ALL SELECT format('a trigger of table %s, for its foreign key %I', c.conrelid::regclass, c.conname)
            FROM pg_constraint c WHERE c.contype = 'f' AND c.confrelid = ANY (deleted_from) AND c.confdeltype NOT IN ('a', 'r')
            UNION ALL SELECT format('rule %I on table %s', w.rulename, w.ev_class::regclass)
            FROM pg_rewrite w WHERE w.ev_class = ANY (deleted_from) AND w.ev_type = '4'
            UNION ALL SELECT format('code of role %s, which owns table %s,', c.relowner::regrole, c.oid::regclass)
            FROM pg_class c WHERE c.oid = ANY (deleted_from) AND c.relowner <> quote_ident(current_user)::regrole) o (code)
        ORDER BY 1 LIMIT 1);
    IF obstacle IS NOT NULL THEN
        RAISE EXCEPTION 'cannot delete rows older than %: % would run as the extension''s owner', retention, obstacle
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'Drop the trigger, rule or foreign key, or create the trigger only for INSERT or UPDATE, or give the table back to the extension''s owner.';
    END IF;
    EXECUTE format('DELETE FROM %s WHERE event_timestamp < $1', records_default) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %s WHERE event_timestamp < $1', anomalies_default) USING cutoff;
    GET DIAGNOSTICS deleted = ROW_COUNT;
    readings_deleted := readings_deleted + deleted;
    EXECUTE format('DELETE FROM %s WHERE minute_bucket < $1', rollup_default) USING cutoff;
    old := ARRAY(
        SELECT c.oid::regclass FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN (records, anomalies, rollup)
          AND substring(pg_get_expr(c.relpartbound, c.oid) FROM $bound$TO \('([^']+)'\)$bound$)::timestamptz <= cutoff
        ORDER BY c.relname);
    -- After this call no reading is older than kept_from.
    kept_from := cutoff;
    IF EXISTS (SELECT FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid,
                    LATERAL (SELECT pg_get_expr(c.relpartbound, c.oid)) b (text)
               WHERE i.inhparent = records AND b.text LIKE 'FOR VALUES FROM%'
                 AND coalesce((regexp_match(b.text, $x$FROM \('([^']+)'\)$x$))[1], '-infinity')::timestamptz <= cutoff
                 AND coalesce((regexp_match(b.text, $x$TO \('([^']+)'\)$x$))[1], 'infinity')::timestamptz > cutoff) THEN
        kept_from := date_trunc('week', cutoff);
    END IF;
    -- The readings of these sums are deleted, so the sums become 0. The rows stay, because heartbeat also counts the customers in
    -- them.
    EXECUTE format('UPDATE %s SET sum_bpm = 0, reading_count = 0 WHERE minute_bucket < $1 AND reading_count > 0', rollup_pending)
        USING kept_from;
    EXECUTE format('DELETE FROM %s WHERE recorded_at < $1', gaps) USING cutoff;
    EXECUTE format('DELETE FROM %s WHERE happened_at < $1', events) USING cutoff;
    EXECUTE format('DELETE FROM %s WHERE closed_at < $1', alerts) USING cutoff;
    EXECUTE format('SELECT array_agg(id) FROM %s WHERE arrived_at < $1', dead_letters) INTO old_letters USING cutoff;
    -- The lock on heartbeat_control waits for the current batch, and no new batch begins. Then only a session that reads the tables,
    -- such as pg_dump, can delay the locks on the tables. Ingest waits during this delay, so these locks have a short timeout.
    PERFORM set_config('lock_timeout', '1s', true);
    attempt := 0;
    WHILE cardinality(old) > 0 LOOP
        BEGIN
            EXECUTE format('LOCK TABLE %s IN ROW EXCLUSIVE MODE', control);
            PERFORM set_config('lock_timeout', '10ms', true);
            EXECUTE format('LOCK TABLE ONLY %s, ONLY %s, ONLY %s, %s, %s, %s IN ACCESS EXCLUSIVE MODE',
                           records, anomalies, rollup, records_default, anomalies_default, rollup_default);
            BEGIN
                EXECUTE (SELECT 'DROP TABLE ' || string_agg(t::text, ', ') FROM unnest(old) t);
            EXCEPTION WHEN dependent_objects_still_exist THEN
                -- DROP TABLE fails if a view uses the table, and any role with USAGE on the schema can have created such a view
                FOREACH one IN ARRAY old LOOP
                    BEGIN
                        EXECUTE format('DROP TABLE %s', one);
                    EXCEPTION WHEN dependent_objects_still_exist THEN
                        RAISE WARNING 'table % was emptied and detached, but could not be dropped', one
                            USING DETAIL = 'Other objects depend on it: ' || SQLERRM, HINT = 'Drop these objects and the table.';
                        EXECUTE format('ALTER TABLE %s DISABLE TRIGGER USER', one);
                        -- TRUNCATE comes before DETACH: after DETACH a publication of all tables would publish the TRUNCATE of a
                        -- table that no subscriber has
                        EXECUTE format('TRUNCATE %s', one);
                        EXECUTE format('ALTER TABLE %s DETACH PARTITION %s',
                                       (SELECT i.inhparent::regclass FROM pg_inherits i WHERE i.inhrelid = one), one);
                    END;
                END LOOP;
            END;
            PERFORM set_config('lock_timeout', '1s', true);
            partitions_dropped := cardinality(old);
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            attempt := attempt + 1;
            IF attempt = 10 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.1);
    END LOOP;
    -- This DELETE comes last. Its trigger updates rows of heartbeat_offsets, and each batch also updates these rows. So from this
    -- DELETE until the commit, a batch can wait.
    EXECUTE format('DELETE FROM %s WHERE id = ANY ($1)', dead_letters) USING old_letters;
    GET DIAGNOSTICS dead_letters_deleted = ROW_COUNT;
END
$$;
COMMENT ON FUNCTION heartbeat_remove_old(interval, regclass, regclass, regclass, regclass, regclass, regclass, regclass, regclass,
                                         regclass, regclass, regclass, regclass) IS
    'Internal: does the work of heartbeat_apply_retention(), with its tables by oid.';

CREATE OR REPLACE FUNCTION heartbeat_record_retention(partitions_dropped integer, readings_deleted bigint, dead_letters_deleted bigint)
    RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_record_event('retention', 'older than ' || current_setting('heartbeat.retention'), jsonb_build_object(
            'partitions_dropped', partitions_dropped, 'readings_deleted', readings_deleted,
            'dead_letters_deleted', dead_letters_deleted))
        WHERE partitions_dropped + readings_deleted + dead_letters_deleted > 0;
END;
COMMENT ON FUNCTION heartbeat_record_retention(integer, bigint, bigint) IS
    'Internal: records the event of heartbeat_apply_retention(), if it has deleted anything.';

CREATE OR REPLACE FUNCTION heartbeat_apply_retention(OUT partitions_dropped integer, OUT readings_deleted bigint,
                                          OUT dead_letters_deleted bigint)
    LANGUAGE sql SECURITY DEFINER
    SET search_path = pg_catalog, pg_temp SET row_security = off SET timezone = 'UTC' SET datestyle = 'ISO'
    SET lock_timeout = '1s'
BEGIN ATOMIC
    SELECT heartbeat_classify(0); -- loads the library, which defines the setting
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_rollup_pending'::regclass, 'heartbeat_gaps'::regclass,
                                            'heartbeat_events'::regclass, 'heartbeat_alerts'::regclass]);
    -- heartbeat_remove_old() itself removes the old readings from the rollup, so the trigger need not mark their minutes
    SELECT heartbeat_own_changes(true);
    SELECT r.partitions_dropped, r.readings_deleted, r.dead_letters_deleted
    FROM heartbeat_remove_old(current_setting('heartbeat.retention')::interval,
             'heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass,
             'heartbeat_records_default'::regclass, 'heartbeat_anomalies_default'::regclass, 'heartbeat_rollup_default'::regclass,
             'heartbeat_rollup_pending'::regclass, 'heartbeat_gaps'::regclass, 'heartbeat_events'::regclass,
             'heartbeat_alerts'::regclass, 'heartbeat_dead_letters'::regclass, 'heartbeat_control'::regclass) r,
         LATERAL heartbeat_own_changes(r.partitions_dropped < 0) ended,
         heartbeat_record_retention(r.partitions_dropped, r.readings_deleted, r.dead_letters_deleted) recorded;
END;
COMMENT ON FUNCTION heartbeat_apply_retention() IS
    'Drops the weekly table partitions that are wholly older than heartbeat.retention, and deletes older dead letters, gaps, '
    'events and closed alerts, and older readings in the default partitions. Does nothing if heartbeat.retention is 0. Waits '
    'up to 30 seconds for the rollup, or for another call of this function. Fails with lock_not_available if other sessions '
    'read the tables for a whole second. The maintenance worker calls it hourly, and again ten seconds after a failure.';

--
-- The state of the workers
--

CREATE OR REPLACE FUNCTION heartbeat_state(OUT state text, OUT since timestamptz, OUT reason text, OUT hint text,
                                OUT workers integer, OUT messages_per_second double precision,
                                OUT last_error text, OUT last_error_at timestamptz,
                                OUT busy_since timestamptz, OUT lag_messages bigint,
                                OUT lag_seconds double precision)
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off;
COMMENT ON FUNCTION heartbeat_state() IS
    'Internal: returns the row of heartbeat_status. The state of the workers comes from shared memory. The pause and the '
    'offsets come from heartbeat_control and heartbeat_offsets. The function waits for no lock on these tables. If one of these '
    'tables is locked, the function returns the lag that the workers know.';

CREATE OR REPLACE FUNCTION heartbeat_ingest_state() RETURNS text
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_ingest_state() IS
    'Internal: returns the state of ingest alone, without the duties of the maintenance worker. Rules on silence use it.';

CREATE OR REPLACE FUNCTION heartbeat_maintenance_duties(OUT duty text, OUT done_at timestamptz, OUT failing_since timestamptz,
                                             OUT failures bigint, OUT failures_total bigint, OUT reason text, OUT hint text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_maintenance_duties() IS
    'Internal: returns the duties of the maintenance worker and their results, from shared memory. The view '
    'heartbeat_maintenance shows them.';

CREATE OR REPLACE FUNCTION heartbeat_partition_states(OUT partition integer, OUT high_watermark bigint, OUT worker_pid integer,
                                           OUT end_is_known boolean, OUT state text, OUT reason text)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_partition_states() IS
    'Internal: returns what the workers know of each Kafka partition, from shared memory. The view heartbeat_partitions shows '
    'it.';

CREATE OR REPLACE FUNCTION heartbeat_batch_times(OUT upper_bound double precision, OUT batches bigint,
                                      OUT total_seconds double precision)
    RETURNS SETOF record AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_batch_times() IS
    'Returns a row for each upper_bound: the number of batches that took at most upper_bound seconds to store, and the total '
    'seconds of all batches. It counts the batches since the server started, in shared memory. heartbeat_metrics shows the '
    'rows.';

CREATE OR REPLACE VIEW heartbeat_partitions WITH (security_barrier) AS
    SELECT o.topic, o.partition, o.next_offset, s.high_watermark,
           CASE WHEN s.end_is_known THEN greatest(s.high_watermark - o.next_offset, 0) END
               AS lag_messages,
           o.records, o.anomalies, o.duplicates, o.dead_letters, o.empty_offsets,
           s.worker_pid, o.last_message_at,
           CASE WHEN NOT s.end_is_known THEN NULL
                WHEN s.high_watermark > o.next_offset
                THEN greatest(extract(epoch FROM clock_timestamp() - o.last_message_at), 0)::double precision
                WHEN s.high_watermark IS NOT NULL THEN 0 END AS lag_seconds,
           s.state, s.reason
    FROM heartbeat_offsets o
    LEFT JOIN heartbeat_partition_states() s USING (partition)
    WHERE o.topic = current_setting('heartbeat.topic', true);
COMMENT ON VIEW heartbeat_partitions IS
    'One row for each Kafka partition of heartbeat.topic: the next offset, the end offset that its worker saw last, and the '
    'lag in messages. The row also has the numbers of records, anomalies, duplicates and dead letters, the worker that reads '
    'the partition, and the partition''s state with the reason.';
COMMENT ON COLUMN heartbeat_partitions.topic IS 'Kafka topic.';
COMMENT ON COLUMN heartbeat_partitions.partition IS 'Kafka partition.';
COMMENT ON COLUMN heartbeat_partitions.next_offset IS 'The offset that the worker reads next.';
COMMENT ON COLUMN heartbeat_partitions.high_watermark IS
    'The offset after the partition''s last message, as its worker saw it last; NULL while no worker reads the partition.';
COMMENT ON COLUMN heartbeat_partitions.lag_messages IS
    'Number of offsets from next_offset to high_watermark; NULL if no worker reads the partition, or if its leader has not '
    'reported the end offset for 15 seconds.';
COMMENT ON COLUMN heartbeat_partitions.records IS 'Messages stored in heartbeat_records.';
COMMENT ON COLUMN heartbeat_partitions.anomalies IS 'Messages stored in heartbeat_anomalies.';
COMMENT ON COLUMN heartbeat_partitions.duplicates IS 'Messages whose reading or dead letter was already stored.';
COMMENT ON COLUMN heartbeat_partitions.dead_letters IS 'Messages stored in heartbeat_dead_letters that no retry has resolved.';
COMMENT ON COLUMN heartbeat_partitions.empty_offsets IS 'Offsets without a message.';
COMMENT ON COLUMN heartbeat_partitions.worker_pid IS
    'Process id of the worker that reads the partition; NULL if no worker reads it.';
COMMENT ON COLUMN heartbeat_partitions.last_message_at IS 'Kafka timestamp of the last message read.';
COMMENT ON COLUMN heartbeat_partitions.lag_seconds IS
    'Age of the last message read, in seconds, if there is lag; 0 without lag, NULL if lag_messages is NULL.';
COMMENT ON COLUMN heartbeat_partitions.state IS
    'READING: the worker reads the partition. AWAY: the worker cannot read the partition and tries again each second; meanwhile '
    'it reads its other partitions. ASKED: the worker has asked the partition''s leader for the first and the end offset. '
    'PAUSED: ingest is paused. NULL: no worker has the partition.';
COMMENT ON COLUMN heartbeat_partitions.reason IS
    'Why the partition is AWAY: it has no leader, or its leader has a problem. The text has the id and the address of the '
    'broker.';

CREATE OR REPLACE VIEW heartbeat_status WITH (security_barrier) AS
    SELECT state, since, reason, workers, messages_per_second, lag_messages, lag_seconds, last_error, last_error_at, hint
    FROM heartbeat_state();
COMMENT ON VIEW heartbeat_status IS
    'One row: the state of the workers, when the state began, why, and the number of running workers. The row also has the '
    'messages per second over the last minute, the lag, the last error, and what to do next.';
COMMENT ON COLUMN heartbeat_status.state IS 'RUNNING, PAUSED, CONNECTING, RETRYING, STALLED, FAILED or STOPPED.';
COMMENT ON COLUMN heartbeat_status.since IS 'When the state began; NULL if this is not known.';
COMMENT ON COLUMN heartbeat_status.reason IS 'Why this is the state.';
COMMENT ON COLUMN heartbeat_status.workers IS 'Number of ingest workers that run.';
COMMENT ON COLUMN heartbeat_status.messages_per_second IS 'Stored messages per second, over the last minute.';
COMMENT ON COLUMN heartbeat_status.lag_messages IS
    'Sum of the lags of all Kafka partitions; NULL if the lag of one partition is not known.';
COMMENT ON COLUMN heartbeat_status.lag_seconds IS
    'Age in seconds of the last message read from the Kafka partition that lags most; 0 without lag.';
COMMENT ON COLUMN heartbeat_status.last_error IS 'The last error of any worker.';
COMMENT ON COLUMN heartbeat_status.last_error_at IS 'When this error occurred.';
COMMENT ON COLUMN heartbeat_status.hint IS 'What to do next.';

CREATE OR REPLACE VIEW heartbeat_maintenance WITH (security_barrier) AS
    SELECT duty, done_at, failing_since, failures, failures_total, reason, hint FROM heartbeat_maintenance_duties();
COMMENT ON VIEW heartbeat_maintenance IS
    'One row for each duty of the maintenance worker: when it last succeeded, when it began to fail, how often it has failed '
    'since, and why. If a duty has failed three times in a row while ingest runs, the state in heartbeat_status is RETRYING.';
COMMENT ON COLUMN heartbeat_maintenance.duty IS
    'partitions (creates table partitions), retention, indexes (summarizes new blocks), fold and rollup (of '
    'vw_customer_bpm_summary), alerts, events (records the state in heartbeat_events), summary (writes the summary line to the '
    'log).';
COMMENT ON COLUMN heartbeat_maintenance.done_at IS
    'When the duty last succeeded; NULL if it has not succeeded since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.failing_since IS
    'When the duty failed for the first time after its last success; NULL if the last attempt did not fail.';
COMMENT ON COLUMN heartbeat_maintenance.failures IS 'How often the duty has failed since its last success.';
COMMENT ON COLUMN heartbeat_maintenance.failures_total IS 'How often the duty has failed since the server started.';
COMMENT ON COLUMN heartbeat_maintenance.reason IS 'Why the last attempt failed.';
COMMENT ON COLUMN heartbeat_maintenance.hint IS 'What to do.';

--
-- The views of readings, for dashboards
--

-- Both parts of the UNION ALL are sorted. So PostgreSQL merges the parts, and reads the first rows of the first part by an index.
CREATE OR REPLACE VIEW vw_recent_anomalies WITH (security_barrier) AS
    SELECT a.customer_id, a.heart_rate, a.anomaly_type, a.event_timestamp, a.ingested_at
    FROM ((SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at, event_timestamp AS recent
           FROM heartbeat_anomalies
           WHERE event_timestamp > now() - interval '24 hours'
             AND event_timestamp <= now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
             AND event_timestamp <= ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
           ORDER BY event_timestamp DESC)
          UNION ALL
          (SELECT customer_id, heart_rate, anomaly_type, event_timestamp, ingested_at,
                  ingested_at - coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
           FROM heartbeat_anomalies
           WHERE event_timestamp > ingested_at
             AND event_timestamp > ingested_at + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
             AND event_timestamp > now() - interval '24 hours' AND ingested_at > now() - interval '24 hours'
           ORDER BY 6 DESC)) a
    ORDER BY a.recent DESC;
COMMENT ON VIEW vw_recent_anomalies IS
    'Anomalies of the last 24 hours. The view sorts them by event_timestamp, the newest first. If event_timestamp is further '
    'ahead of ingested_at than heartbeat.max_clock_skew, the view sorts the anomaly by ingested_at minus '
    'heartbeat.max_clock_skew instead.';
COMMENT ON COLUMN vw_recent_anomalies.customer_id IS 'The measured customer.';
COMMENT ON COLUMN vw_recent_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN vw_recent_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID.';
COMMENT ON COLUMN vw_recent_anomalies.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN vw_recent_anomalies.ingested_at IS 'When the anomaly was stored, by the server''s clock.';

CREATE OR REPLACE VIEW vw_pipeline_summary WITH (security_barrier) AS
    WITH totals AS (
        SELECT coalesce(sum(records), 0) AS records, coalesce(sum(anomalies), 0) AS anomalies,
               coalesce(sum(bradycardia), 0) AS bradycardia, coalesce(sum(tachycardia), 0) AS tachycardia,
               coalesce(sum(invalid), 0) AS invalid, coalesce(sum(duplicates), 0) AS duplicates,
               coalesce(sum(dead_letters), 0) AS dead_letters,
               min(first_event) AS first_event,
               -- an older version can have stored a time in the future
               max(CASE WHEN last_event > now() + coalesce(current_setting('heartbeat.max_clock_skew', true), '5min')::interval
                        THEN updated_at ELSE last_event END) AS last_event
        FROM heartbeat_offsets
    ), pending AS MATERIALIZED (
        SELECT DISTINCT customer_id FROM heartbeat_rollup_pending
    ), customers AS (
        SELECT (SELECT coalesce(sum(customers), 0) FROM heartbeat_customers_total) +
               (SELECT count(*) FROM pending p
                -- The subquery has a LIMIT, so that PostgreSQL looks up each customer by the key, and never reads all customers.
                WHERE (SELECT true FROM heartbeat_customers c WHERE c.customer_id = p.customer_id LIMIT 1) IS NULL
               ) AS customers
    )
    SELECT m.metric, m.value
    FROM totals t, customers c, heartbeat_status s,
         LATERAL (VALUES
            (1, 'total_records', t.records::text),
            (2, 'total_anomalies', t.anomalies::text),
            (3, 'bradycardia', t.bradycardia::text),
            (4, 'tachycardia', t.tachycardia::text),
            (5, 'invalid', t.invalid::text),
            (6, 'duplicates', t.duplicates::text),
            (7, 'dead_letters', t.dead_letters::text),
            (8, 'customers', c.customers::text),
            (9, 'first_event', t.first_event::text),
            (10, 'last_event', t.last_event::text),
            (11, 'state', s.state),
            (12, 'lag_messages', s.lag_messages::text),
            (13, 'lag_seconds', round(s.lag_seconds::numeric, 1)::text)
         ) AS m (position, metric, value)
    ORDER BY m.position;
COMMENT ON VIEW vw_pipeline_summary IS
    'One row for each metric: totals since the first reading (retention does not reduce them), customers, first and last '
    'event, lag. If the event_timestamp of a reading is further ahead than heartbeat.max_clock_skew, heartbeat computes the last '
    'event from the time at which it stored the reading.';
COMMENT ON COLUMN vw_pipeline_summary.metric IS 'Name of the metric.';
COMMENT ON COLUMN vw_pipeline_summary.value IS 'Value of the metric, as text; NULL if it is not known.';

--
-- The view vw_customer_bpm_summary has one text for tables that Citus has distributed, and another text for tables on this server.
-- heartbeat_use_summary() creates the view with one of the two texts. This script, heartbeat_distribute() and
-- heartbeat_undistribute() call heartbeat_use_summary().
--

-- Citus sends the text for distributed tables to the nodes as a whole, with the caller's conditions on customer and time. This text
-- first selects the minutes that are in the small tables (heartbeat_rollup_pending and heartbeat_stale_minutes), and reads these minutes
-- apart from all other minutes. So this text reads no sum twice. If all rows are on one server, the text for one server is far faster.
--
-- The text for one server returns a row of heartbeat_rollup unchanged if heartbeat_stale_minutes does not have the minute of this row,
-- and heartbeat_rollup_pending does not have its customer and minute. For each row of heartbeat_rollup_pending this text looks up the
-- sum in heartbeat_rollup by the key. The small tables can be empty at one moment and large at the next moment, and the planner does
-- not see this change. So the text reads the small tables as arrays. The planner assumes ten elements for each array, so the plan does
-- not depend on the sizes of the small tables. The real lengths of the arrays change the duration of the query, but not the plan.
--
-- The text for one server calls heartbeat_summarize_minute(). While PostgreSQL parses the text, this function is in the schema
-- heartbeat_building, in which no other role can create a function of the same name.
CREATE OR REPLACE FUNCTION heartbeat_use_summary(distributed boolean, summarize_minute regprocedure) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace WHERE p.oid = summarize_minute);
    propagation text := current_setting('citus.enable_ddl_propagation', true);
BEGIN
    IF propagation IS NOT NULL THEN -- Citus is loaded
        PERFORM set_config('citus.enable_ddl_propagation', 'off', true);
    END IF;
    IF schema <> 'heartbeat_building' THEN -- while a script creates or updates the extension, the schema is heartbeat_building
        CREATE SCHEMA heartbeat_building;
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA heartbeat_building', summarize_minute);
    END IF;
    EXECUTE format(CASE WHEN distributed THEN $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary AS
    WITH stale AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes),
    pending AS MATERIALIZED (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_rollup_pending)
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE r.minute_bucket <> ALL (ARRAY(SELECT minute_bucket FROM stale UNION SELECT minute_bucket FROM pending))
    UNION ALL
    SELECT a.customer_id, a.minute_bucket, sum(a.sum_bpm) / sum(a.reading_count)::bigint, sum(a.reading_count)::bigint
    FROM (SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup_pending
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))
          UNION ALL
          SELECT customer_id, minute_bucket, sum_bpm, reading_count FROM %1$I.heartbeat_rollup
          WHERE minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM pending EXCEPT SELECT minute_bucket FROM stale))) a
    GROUP BY a.customer_id, a.minute_bucket HAVING sum(a.reading_count) > 0
    UNION ALL
    SELECT r.customer_id, r.minute_bucket, avg(r.heart_rate), count(*)
    FROM (SELECT customer_id, heart_rate, CASE WHEN event_timestamp < '2000-01-01Z' THEN date_trunc('minute', event_timestamp, 'UTC')
                                               ELSE date_bin('1 minute', event_timestamp, '2000-01-01Z') END AS minute_bucket
          FROM %1$I.heartbeat_records
          WHERE event_timestamp >= (SELECT min(minute_bucket) FROM stale)
            AND event_timestamp < (SELECT max(minute_bucket) FROM stale) + interval '1 minute') r
    WHERE r.minute_bucket = ANY (ARRAY(SELECT minute_bucket FROM stale))
    GROUP BY 1, 2 $view$ ELSE $view$
    CREATE OR REPLACE VIEW %1$I.vw_customer_bpm_summary WITH (security_barrier) AS
    SELECT r.customer_id, r.minute_bucket, r.sum_bpm / r.reading_count AS avg_bpm, r.reading_count
    FROM %1$I.heartbeat_rollup r
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = r.minute_bucket)
      AND NOT EXISTS (SELECT FROM (
              WITH keys AS MATERIALIZED (SELECT DISTINCT customer_id, minute_bucket FROM %1$I.heartbeat_rollup_pending
                                         WHERE reading_count > 0)
              SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM keys), ARRAY(SELECT minute_bucket FROM keys))
                  AS u (customer_id, minute_bucket)) p
                      WHERE p.minute_bucket = r.minute_bucket AND p.customer_id = r.customer_id)
    UNION ALL
    SELECT p.customer_id, p.minute_bucket,
           (p.sum_bpm + coalesce(f.sum_bpm, 0)) / (p.reading_count + coalesce(f.reading_count, 0)),
           p.reading_count + coalesce(f.reading_count, 0)
    FROM (WITH sums AS MATERIALIZED (
              SELECT customer_id, minute_bucket, sum(sum_bpm) AS sum_bpm, sum(reading_count)::bigint AS reading_count
              FROM %1$I.heartbeat_rollup_pending WHERE reading_count > 0 GROUP BY customer_id, minute_bucket)
          SELECT u.* FROM unnest(ARRAY(SELECT customer_id FROM sums), ARRAY(SELECT minute_bucket FROM sums),
                                 ARRAY(SELECT sum_bpm FROM sums), ARRAY(SELECT reading_count FROM sums))
              AS u (customer_id, minute_bucket, sum_bpm, reading_count)) p
         CROSS JOIN LATERAL (SELECT sum(r.sum_bpm) AS sum_bpm, sum(r.reading_count)::bigint AS reading_count
                             FROM %1$I.heartbeat_rollup r
                             WHERE r.minute_bucket = p.minute_bucket AND r.customer_id = p.customer_id) f
    WHERE NOT EXISTS (SELECT FROM unnest(ARRAY(SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes)) AS s (minute_bucket)
                      WHERE s.minute_bucket = p.minute_bucket)
    UNION ALL
    SELECT m.customer_id, s.minute_bucket, m.avg_bpm, m.reading_count
    FROM (SELECT DISTINCT minute_bucket FROM %1$I.heartbeat_stale_minutes) s,
         heartbeat_building.heartbeat_summarize_minute(s.minute_bucket) m $view$ END, schema);
    IF schema <> 'heartbeat_building' THEN
        EXECUTE format('ALTER FUNCTION %s SET SCHEMA %I', summarize_minute, schema);
        DROP SCHEMA heartbeat_building;
    END IF;
    IF propagation IS NOT NULL THEN
        PERFORM set_config('citus.enable_ddl_propagation', propagation, true);
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_use_summary(boolean, regprocedure) IS
    'Internal: creates vw_customer_bpm_summary again. With true, its text is for distributed tables. With false, its text is '
    'for tables on this server.';

SELECT heartbeat_use_summary(heartbeat_is_distributed(), 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
COMMENT ON VIEW vw_customer_bpm_summary IS
    'Mean heart rate and number of normal readings for each customer and minute. It is always exact, even if readings arrive '
    'late.';
COMMENT ON COLUMN vw_customer_bpm_summary.customer_id IS 'The measured customer.';
COMMENT ON COLUMN vw_customer_bpm_summary.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.avg_bpm IS 'Mean of the minute''s normal readings, in beats per minute.';
COMMENT ON COLUMN vw_customer_bpm_summary.reading_count IS 'Number of normal readings of the minute.';

--
-- The conditions of the alert rules: one function for each kind of rule. The function looks at each rule of this kind, and returns
-- an alert if the condition of the rule is met now. An alert consists of the rule, the subject and the detail, as in
-- heartbeat_alerts. heartbeat_update_alerts() raises and closes the alerts.
--
-- Each function reads only ranges of indexes, and limits the number of rows. A rule of kind anomalies reads the newest 100,000
-- anomalies. A rule of kind silence reads 10,000 customers in each call.
--

-- This function reads only the table heartbeat_anomalies. If other servers have the rows of this table, these servers refuse a query
-- that also reads a table of this server.
CREATE OR REPLACE FUNCTION heartbeat_newest_anomalies(anomalies regclass, since timestamptz, until timestamptz, skew interval, only_customer text,
                                           only_type text, OUT customer_id text, OUT event_timestamp timestamptz)
    RETURNS SETOF record
    LANGUAGE plpgsql STABLE ROWS 1000 SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.event_timestamp FROM %1$s h'
        ' WHERE h.event_timestamp > $1 AND h.event_timestamp < $2 AND h.event_timestamp <= h.ingested_at + $3'
        ' AND ($4 IS NULL OR h.customer_id = $4) AND ($5 IS NULL OR h.anomaly_type = $5)'
        ' ORDER BY h.event_timestamp DESC LIMIT 100000', anomalies)
        USING since, until, skew, only_customer, only_type;
    -- This query returns the anomalies whose event_timestamp is later than their arrival by more than `skew`. For these anomalies
    -- the query returns the arrival as the time.
    RETURN QUERY EXECUTE format(
        'SELECT h.customer_id, h.ingested_at FROM %1$s h'
        ' WHERE h.event_timestamp > h.ingested_at AND h.event_timestamp > h.ingested_at + $2 AND h.ingested_at > $1'
        ' AND h.event_timestamp > $1 AND ($3 IS NULL OR h.customer_id = $3) AND ($4 IS NULL OR h.anomaly_type = $4)'
        ' ORDER BY h.ingested_at DESC LIMIT 100000', anomalies)
        USING since, skew, only_customer, only_type;
END
$$;
COMMENT ON FUNCTION heartbeat_newest_anomalies(regclass, timestamptz, timestamptz, interval, text, text) IS
    'Internal: returns the newest 100,000 anomalies between two times. It also returns the newest 100,000 anomalies whose '
    'event_timestamp is further ahead than the clock skew, and gives their arrival as their time. A customer and an anomaly '
    'type can restrict the result.';

-- The function also looks at the minute before the rule's period, because readings can arrive late.
CREATE OR REPLACE FUNCTION heartbeat_alerts_of_anomalies(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, a.customer_id,
           jsonb_build_object('kind', r.kind, 'anomalies', max(a.within), 'period', r.period, 'last_event', max(a.event_timestamp))
    FROM heartbeat_alert_rules r, LATERAL (
        SELECT n.customer_id, n.event_timestamp,
               count(*) OVER (PARTITION BY n.customer_id ORDER BY n.event_timestamp
                              RANGE BETWEEN r.period PRECEDING AND CURRENT ROW) AS within
        FROM heartbeat_newest_anomalies('heartbeat_anomalies'::regclass, now() - r.period - interval '1 minute',
                                        now() + heartbeat_max_clock_skew(), heartbeat_max_clock_skew(), r.customer_id, r.anomaly_type) n) a
    WHERE r.enabled AND r.kind = 'anomalies'
    GROUP BY r.name, r.kind, r.period, r.threshold, a.customer_id
    HAVING max(a.within) >= r.threshold;
END;
COMMENT ON FUNCTION heartbeat_alerts_of_anomalies() IS
    'Internal: returns an alert for each enabled rule of kind anomalies and each customer for whom the condition is met.';

-- heartbeat evaluates a silence rule only while the consumer lag is shorter than the rule's period. The silence of a customer
-- begins when the customer's last reading arrives (heartbeat_customers.heard_until).
CREATE OR REPLACE FUNCTION heartbeat_alerts_of_silence(after_customer text, OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT w.rule, w.customer_id, jsonb_build_object('kind', 'silence', 'period', w.period)
    FROM (SELECT r.name AS rule, r.period, c.customer_id, c.heard_until
          FROM heartbeat_alert_rules r CROSS JOIN heartbeat_customers_after(after_customer) c
          WHERE r.enabled AND r.kind = 'silence' AND r.customer_id IS NULL
          UNION ALL
          SELECT r.name, r.period, c.customer_id, c.heard_until
          FROM heartbeat_alert_rules r JOIN heartbeat_customers c ON c.customer_id = r.customer_id
          WHERE r.enabled AND r.kind = 'silence') w
         JOIN heartbeat_status s ON coalesce(s.lag_seconds, 0) < extract(epoch FROM w.period)
    WHERE (SELECT heartbeat_ingest_state()) = 'RUNNING'
      AND w.heard_until < now() - w.period AND w.heard_until > now() - w.period - interval '1 day';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_silence(text) IS
    'Internal: returns an alert for each enabled rule of kind silence and each customer for whom the condition is met. It '
    'examines the 10,000 customers after the given customer, and the customers that a rule names.';

CREATE OR REPLACE FUNCTION heartbeat_silences_ended(after_customer text, last_customer text) RETURNS SETOF bigint
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT o.id
    FROM heartbeat_alerts o JOIN heartbeat_alert_rules r ON r.name = o.rule JOIN heartbeat_customers c ON c.customer_id = o.subject
    WHERE o.closed_at IS NULL AND r.enabled AND r.kind = 'silence' AND c.heard_until >= now() - r.period
      AND (r.customer_id IS NOT NULL
           OR o.subject > coalesce(after_customer, '') AND (last_customer IS NULL OR o.subject <= last_customer));
END;
COMMENT ON FUNCTION heartbeat_silences_ended(text, text) IS
    'Internal: returns the ids of open alerts of kind silence whose customer was heard again. It examines the customers after '
    'after_customer, up to last_customer (NULL: without an upper limit), and the customers that a rule names.';

CREATE OR REPLACE FUNCTION heartbeat_alerts_of_lag(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, current_setting('heartbeat.topic'), jsonb_build_object('kind', r.kind, 'lag_messages', s.lag_messages)
    FROM heartbeat_alert_rules r JOIN heartbeat_status s ON s.lag_messages > r.threshold
    WHERE r.enabled AND r.kind = 'lag';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_lag() IS
    'Internal: returns an alert for each enabled rule of kind lag, if the condition is met.';

CREATE OR REPLACE FUNCTION heartbeat_alerts_of_dead_letters(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'dead_letters', d.unresolved)
    FROM heartbeat_alert_rules r,
         (SELECT coalesce(sum(o.dead_letters::numeric - o.dead_letters_deleted), 0) AS unresolved FROM heartbeat_offsets o) d
    WHERE r.enabled AND r.kind = 'dead_letters' AND d.unresolved > r.threshold;
END;
COMMENT ON FUNCTION heartbeat_alerts_of_dead_letters() IS
    'Internal: returns an alert for each enabled rule of kind dead_letters, if the condition is met.';

CREATE OR REPLACE FUNCTION heartbeat_alerts_of_state(OUT rule text, OUT subject text, OUT detail jsonb) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT r.name, 'pipeline', jsonb_build_object('kind', r.kind, 'state', s.state, 'reason', s.reason)
    FROM heartbeat_alert_rules r
         JOIN heartbeat_status s ON s.state <> 'RUNNING' AND coalesce(s.since <= clock_timestamp() - r.period, true)
    WHERE r.enabled AND r.kind = 'state';
END;
COMMENT ON FUNCTION heartbeat_alerts_of_state() IS
    'Internal: returns an alert for each enabled rule of kind state, if the condition is met.';

--
-- These functions raise and close the alerts. The maintenance worker calls heartbeat_evaluate_alerts().
--

CREATE OR REPLACE FUNCTION heartbeat_rules_changed() RETURNS trigger
    AS 'MODULE_PATHNAME' LANGUAGE C;
COMMENT ON FUNCTION heartbeat_rules_changed() IS
    'Internal: when the transaction commits, tells the maintenance worker to read heartbeat_alert_rules again.';

-- The functions above find the conditions that are met. heartbeat_update_alerts() calls the function of a kind only if there is an
-- enabled rule of this kind. One call of heartbeat_update_alerts() raises at most 1,000 alerts and closes at most 1,000 alerts.
-- The call closes an alert of kind silence when a reading of the customer has arrived. The call closes every other alert when the
-- condition is no longer met.
CREATE OR REPLACE FUNCTION heartbeat_update_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET jit = off
BEGIN ATOMIC
    DELETE FROM heartbeat_alerts
        WHERE id IN (SELECT a.id FROM heartbeat_alerts a
                     WHERE a.closed_at IS NOT NULL AND a.id <= (SELECT max(m.id) FROM heartbeat_alerts m) - 10000
                     ORDER BY a.closed_at LIMIT 100);
    WITH rules AS MATERIALIZED (
        SELECT r.name, r.kind, r.customer_id FROM heartbeat_alert_rules r WHERE r.enabled
    ), slice AS MATERIALIZED ( -- at most 10,000 customers; last_customer is NULL if there are fewer
        SELECT CASE WHEN count(*) = 10000 THEN max(c.customer_id COLLATE "C") END AS last_customer
        FROM heartbeat_customers_after(after_customer) c
        WHERE with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence' AND customer_id IS NULL)
    ), met AS MATERIALIZED (
        SELECT a.rule, a.subject, a.detail FROM heartbeat_alerts_of_anomalies() a
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'anomalies')
        UNION ALL
        SELECT s.rule, s.subject, s.detail FROM heartbeat_alerts_of_silence(after_customer) s
            WHERE with_silence AND EXISTS (SELECT FROM rules WHERE kind = 'silence')
        UNION ALL
        SELECT l.rule, l.subject, l.detail FROM heartbeat_alerts_of_lag() l WHERE EXISTS (SELECT FROM rules WHERE kind = 'lag')
        UNION ALL
        SELECT d.rule, d.subject, d.detail FROM heartbeat_alerts_of_dead_letters() d
            WHERE EXISTS (SELECT FROM rules WHERE kind = 'dead_letters')
        UNION ALL
        SELECT s.rule, s.subject, s.detail FROM heartbeat_alerts_of_state() s WHERE EXISTS (SELECT FROM rules WHERE kind = 'state')
    ), raised AS (
        INSERT INTO heartbeat_alerts (rule, subject, detail)
            SELECT m.rule, m.subject, m.detail FROM met m
            WHERE NOT EXISTS (SELECT FROM heartbeat_alerts o
                              WHERE o.rule = m.rule AND o.subject = m.subject AND o.closed_at IS NULL)
            ORDER BY m.rule COLLATE "C", m.subject COLLATE "C" LIMIT 1000
            ON CONFLICT DO NOTHING
            RETURNING id, rule, subject, raised_at, closed_at, detail
    ), over AS (
        SELECT o.id
        FROM heartbeat_alerts o LEFT JOIN rules r ON r.name = o.rule
        WHERE o.closed_at IS NULL
          AND CASE WHEN r.name IS NULL THEN true
                   WHEN r.kind = 'silence' THEN
                       (r.customer_id IS NOT NULL AND r.customer_id <> o.subject)
                       OR o.id IN (SELECT e.id FROM slice b, heartbeat_silences_ended(after_customer, b.last_customer) e (id)
                                   WHERE with_silence)
                   ELSE NOT EXISTS (SELECT FROM met m WHERE m.rule = o.rule AND m.subject = o.subject) END
        ORDER BY o.id LIMIT 1000
    ), closed AS (
        UPDATE heartbeat_alerts a SET closed_at = clock_timestamp() FROM over WHERE a.id = over.id
            RETURNING a.id, a.rule, a.subject, a.raised_at, a.closed_at, a.detail
    ), told AS MATERIALIZED (
        SELECT t.closed_at,
               heartbeat_notify('heartbeat_alert', json_build_object(
                   'alert', CASE WHEN t.closed_at IS NULL THEN 'raised' ELSE 'closed' END, 'id', t.id, 'rule', t.rule,
                   'subject', t.subject, 'raised_at', t.raised_at, 'closed_at', t.closed_at, 'detail', t.detail)::text)
        FROM (SELECT * FROM raised UNION ALL SELECT * FROM closed) t
    )
    SELECT count(*) FILTER (WHERE t.closed_at IS NULL), count(t.closed_at),
           (SELECT count(*) FROM heartbeat_alerts a WHERE a.closed_at IS NULL) + count(*) FILTER (WHERE t.closed_at IS NULL)
               - count(t.closed_at),
           EXISTS (SELECT FROM rules WHERE kind = 'anomalies'),
           EXISTS (SELECT FROM rules WHERE kind <> 'anomalies'),
           (SELECT last_customer FROM slice)
    FROM told t;
END;
COMMENT ON FUNCTION heartbeat_update_alerts(text, boolean) IS
    'Internal: does the work of heartbeat_evaluate_alerts() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_evaluate_alerts(after_customer text, with_silence boolean, OUT raised bigint, OUT closed bigint, OUT open bigint,
                                          OUT on_arrival boolean, OUT on_clock boolean,
                                          OUT next_customer text)
    LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT heartbeat_refuse_user_code(ARRAY['heartbeat_alerts'::regclass, 'heartbeat_customers'::regclass]);
    SELECT heartbeat_find_heard(after_customer)
        WHERE with_silence AND EXISTS (SELECT FROM heartbeat_alert_rules r WHERE r.enabled AND r.kind = 'silence');
    SELECT a.raised, a.closed, a.open, a.on_arrival, a.on_clock, a.next_customer
        FROM heartbeat_update_alerts(after_customer, with_silence) a;
END;
COMMENT ON FUNCTION heartbeat_evaluate_alerts(text, boolean) IS
    'Internal: raises and closes alerts by the enabled rules, and announces each alert by NOTIFY heartbeat_alert. The '
    'maintenance worker calls the function a second after readings have arrived. If a rule or an open alert depends on the '
    'clock, the maintenance worker also calls the function every five seconds. Only these calls evaluate the silence rules.';

--
-- Metrics for Prometheus. The names follow the conventions of Prometheus: base units, and _total for counters. The view reads
-- shared memory and one row for each Kafka partition, and no readings.
--

CREATE OR REPLACE VIEW heartbeat_metrics WITH (security_barrier) AS
    WITH now AS MATERIALIZED (
        SELECT s.state, s.since, s.workers, s.last_error_at FROM heartbeat_state() s
    ), partitions AS MATERIALIZED (
        SELECT jsonb_build_object('topic', o.topic, 'partition', o.partition::text) AS labels, o.*,
               s.high_watermark, p.lag_messages, p.lag_seconds, s.state
        FROM heartbeat_offsets o
        JOIN heartbeat_partitions p ON p.topic = o.topic AND p.partition = o.partition
        LEFT JOIN heartbeat_partition_states() s ON s.partition = o.partition
    ), families (position, family, type, help) AS (VALUES
        (1, 'heartbeat_info', 'gauge', 'Labels with the version of the extension, the topic and the group; the value is always 1.'),
        (2, 'heartbeat_state', 'gauge', '1 for the state that heartbeat_status shows, 0 for the other states.'),
        (3, 'heartbeat_state_since_timestamp_seconds', 'gauge', 'Since when heartbeat has this state.'),
        (4, 'heartbeat_workers', 'gauge', 'Number of ingest workers that run.'),
        (5, 'heartbeat_workers_wanted', 'gauge', 'Number of ingest workers that should run: heartbeat.workers.'),
        (6, 'heartbeat_last_error_timestamp_seconds', 'gauge', 'When the last error of a worker occurred, since the server started.'),
        (7, 'heartbeat_messages_total', 'counter', 'Messages by their result; messages that are read again count again.'),
        (8, 'heartbeat_anomalies_total', 'counter', 'Messages stored as anomalies, by type.'),
        (9, 'heartbeat_offsets_total', 'counter', 'Offsets passed, with and without a message; offsets that are read again count again.'),
        (10, 'heartbeat_dead_letters', 'gauge', 'Number of unresolved dead letters.'),
        (11, 'heartbeat_next_offset', 'gauge', 'The offset that the worker reads next.'),
        (12, 'heartbeat_high_watermark', 'gauge', 'The offset after the last message of the partition, as its worker saw it last.'),
        (13, 'heartbeat_lag_messages', 'gauge', 'Number of offsets from the next offset to the end of the partition.'),
        (14, 'heartbeat_lag_seconds', 'gauge', 'Age of the last message read, if there is lag; 0 without lag.'),
        (15, 'heartbeat_last_message_timestamp_seconds', 'gauge', 'Kafka timestamp of the last message read.'),
        (16, 'heartbeat_announcements_dropped_total', 'counter',
         'Announcements (NOTIFY) dropped since the server started, because the notification queue was too full.'),
        (17, 'heartbeat_maintenance_failing', 'gauge',
         '1 if the last attempt of this duty of the maintenance worker failed, otherwise 0.'),
        (18, 'heartbeat_maintenance_failures_total', 'counter', 'Failures of this duty of the maintenance worker since the server started.'),
        (20, 'heartbeat_partition_away', 'gauge', '1 if the worker cannot read the partition, otherwise 0.'),
        (19, 'heartbeat_batch_seconds', 'histogram', 'Time to store a batch, since the server started.')
    ), samples (family, suffix, labels, value) AS (
        SELECT 'heartbeat_info', '', jsonb_build_object('version', e.extversion, 'topic', current_setting('heartbeat.topic'),
                                                        'group_id', current_setting('heartbeat.group_id')), 1
        FROM pg_extension e, now WHERE e.extname = 'heartbeat'
        UNION ALL
        SELECT 'heartbeat_state', '', jsonb_build_object('state', s.state), CASE WHEN s.state = now.state THEN 1 ELSE 0 END
        FROM now, unnest(ARRAY['RUNNING', 'PAUSED', 'CONNECTING', 'RETRYING', 'STALLED', 'FAILED', 'STOPPED']) s (state)
        UNION ALL
        SELECT v.family, '', '{}', v.value
        FROM now, LATERAL (VALUES
            ('heartbeat_state_since_timestamp_seconds', extract(epoch FROM now.since)::double precision),
            ('heartbeat_workers', now.workers),
            ('heartbeat_announcements_dropped_total', heartbeat_announcements_dropped()),
            ('heartbeat_workers_wanted', current_setting('heartbeat.workers')::double precision),
            ('heartbeat_last_error_timestamp_seconds', extract(epoch FROM now.last_error_at))) v (family, value)
        UNION ALL
        SELECT v.family, '', p.labels || v.labels, v.value
        FROM partitions p, LATERAL (VALUES
            ('heartbeat_messages_total', '{"result": "record"}'::jsonb, p.records::double precision),
            ('heartbeat_messages_total', '{"result": "anomaly"}', p.anomalies),
            ('heartbeat_messages_total', '{"result": "duplicate"}', p.duplicates),
            ('heartbeat_anomalies_total', '{"type": "BRADYCARDIA"}', p.bradycardia),
            ('heartbeat_anomalies_total', '{"type": "TACHYCARDIA"}', p.tachycardia),
            ('heartbeat_anomalies_total', '{"type": "INVALID"}', p.invalid),
            ('heartbeat_offsets_total', '{}', p.next_offset::double precision - p.first_offset + p.rewound),
            ('heartbeat_dead_letters', '{}', p.dead_letters),
            ('heartbeat_next_offset', '{}', p.next_offset),
            ('heartbeat_high_watermark', '{}', p.high_watermark),
            ('heartbeat_lag_messages', '{}', p.lag_messages),
            ('heartbeat_lag_seconds', '{}', p.lag_seconds),
            ('heartbeat_partition_away', '{}', CASE WHEN p.state = 'AWAY' THEN 1 WHEN p.state IS NOT NULL THEN 0 END),
            ('heartbeat_last_message_timestamp_seconds', '{}', extract(epoch FROM p.last_message_at))
            ) v (family, labels, value)
        UNION ALL
        SELECT v.family, '', jsonb_build_object('duty', m.duty), v.value
        FROM heartbeat_maintenance_duties() m, LATERAL (VALUES
            ('heartbeat_maintenance_failing', CASE WHEN m.failing_since IS NULL THEN 0 ELSE 1 END::double precision),
            ('heartbeat_maintenance_failures_total', m.failures_total)) v (family, value)
        UNION ALL
        SELECT 'heartbeat_batch_seconds', v.suffix, v.labels, v.value
        FROM heartbeat_batch_times() t, LATERAL (VALUES
            ('_bucket', jsonb_build_object('le', CASE t.upper_bound WHEN 'Infinity' THEN '+Inf' ELSE t.upper_bound::text END),
             t.batches::double precision),
            ('_count', '{}', CASE t.upper_bound WHEN 'Infinity' THEN t.batches END),
            ('_sum', '{}', CASE t.upper_bound WHEN 'Infinity' THEN t.total_seconds END)) v (suffix, labels, value)
    )
    SELECT s.family || s.suffix AS name, s.labels, s.value::double precision AS value, f.type, f.help, f.family
    FROM families f JOIN samples s USING (family)
    WHERE s.value IS NOT NULL
    ORDER BY f.position, s.suffix, nullif(s.labels->>'le', '+Inf')::double precision, s.labels;
COMMENT ON VIEW heartbeat_metrics IS
    'All metrics of heartbeat, with one row for each sample, for an exporter of Prometheus. examples/prometheus has '
    'configurations. An unknown value has no row.';
COMMENT ON COLUMN heartbeat_metrics.name IS 'Name of the sample.';
COMMENT ON COLUMN heartbeat_metrics.labels IS 'Labels of the sample; all values are texts.';
COMMENT ON COLUMN heartbeat_metrics.value IS 'Value of the sample, in seconds, messages, offsets or workers.';
COMMENT ON COLUMN heartbeat_metrics.type IS 'gauge, counter or histogram.';
COMMENT ON COLUMN heartbeat_metrics.help IS 'What the metric means.';
COMMENT ON COLUMN heartbeat_metrics.family IS
    'Name of the metric. It is the name of the sample; for a histogram, without the suffix _bucket, _count or _sum.';

--
-- These functions prove that heartbeat has stored or counted every message
--

CREATE OR REPLACE FUNCTION heartbeat_audit(OUT topic text, OUT partition integer, OUT offsets_passed bigint, OUT records bigint,
                                OUT anomalies bigint, OUT duplicates bigint, OUT dead_letters bigint,
                                OUT empty_offsets bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    -- This query calculates with the type numeric, so that no sum overflows. If a result is too large or too small for bigint, the
    -- query returns the nearest bigint.
    SELECT o.topic, o.partition, least(p.passed, 9223372036854775807)::bigint, o.records, o.anomalies, o.duplicates,
           o.dead_letters, o.empty_offsets,
           greatest(least(p.passed - (o.records::numeric + o.anomalies + o.duplicates + o.dead_letters + o.empty_offsets),
                          9223372036854775807), -9223372036854775808)::bigint
    FROM heartbeat_offsets o, LATERAL (SELECT o.next_offset::numeric - o.first_offset + o.rewound AS passed) p
    ORDER BY o.topic, o.partition;
END;
COMMENT ON FUNCTION heartbeat_audit() IS
    'Returns one row for each Kafka partition. The row proves that each message of the partition was stored exactly once: '
    'offsets passed = records + anomalies + duplicates + dead letters + empty offsets. A difference other than 0 means that a '
    'reading was lost or stored twice. The function reads only counters, so it is quick at any size. heartbeat_audit_tables() '
    'compares the counters with the tables.';

-- The time ranges of the table partitions directly below the parent do not overlap, so a reading belongs to only one of these table
-- partitions. If this table partition has a unique key on customer and time, it cannot have a second row of the same reading. In all
-- other table partitions heartbeat_surplus_rows() searches for a second row.
CREATE OR REPLACE FUNCTION heartbeat_unproven_partitions(parent regclass, OUT partition oid, OUT keyed boolean) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT p.relid::oid, k.keyed
    FROM pg_partition_tree(parent) p JOIN pg_class c ON c.oid = p.relid::oid,
         LATERAL (SELECT c.relkind = 'r' AND EXISTS (
             SELECT FROM pg_index x
             WHERE x.indrelid = c.oid AND x.indisunique AND x.indimmediate AND x.indisvalid AND x.indpred IS NULL
               AND x.indnkeyatts = 2
               AND (SELECT count(*) FROM pg_attribute a
                    WHERE a.attrelid = c.oid AND a.attname IN ('customer_id', 'event_timestamp')
                      AND a.attnum IN (x.indkey[0], x.indkey[1])) = 2) AS keyed) k
    WHERE p.isleaf AND NOT (p.level = 1 AND k.keyed);
END;
COMMENT ON FUNCTION heartbeat_unproven_partitions(regclass) IS
    'Internal: returns those table partitions of heartbeat_records or heartbeat_anomalies that can have a reading twice, or a '
    'reading that belongs to another partition. For each of them it returns whether it has a unique key on customer and time.';

-- A reading in a wrong table partition does not count as stored. A query does not find this reading, because PostgreSQL searches only
-- the table partition whose bounds include the reading's time. A replay therefore stores the reading again. The function searches
-- for readings only where an index makes each search fast.
CREATE OR REPLACE FUNCTION heartbeat_surplus_rows(OUT records bigint, OUT anomalies bigint)
    LANGUAGE sql STABLE
    SET search_path = pg_catalog, pg_temp SET enable_seqscan = off SET enable_partition_pruning = on SET jit = off
BEGIN ATOMIC
    SELECT (SELECT count(*) FROM heartbeat_records r
            WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u)))
         - (SELECT count(*) FROM (
                SELECT DISTINCT r.customer_id, r.event_timestamp FROM heartbeat_records r
                WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u))
                  AND CASE WHEN (SELECT bool_and(u.keyed) FROM heartbeat_unproven_partitions('heartbeat_records'::regclass) u)
                      THEN EXISTS (SELECT FROM heartbeat_records f
                                   WHERE f.customer_id = r.customer_id AND f.event_timestamp = r.event_timestamp
                                     AND f.heart_rate = r.heart_rate AND f.id = r.id AND f.ingested_at = r.ingested_at
                                     AND f.tableoid = r.tableoid OFFSET 0)
                      ELSE true END) s),
           (SELECT count(*) FROM heartbeat_anomalies r
            WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u)))
         - (SELECT count(*) FROM (
                SELECT DISTINCT r.customer_id, r.event_timestamp FROM heartbeat_anomalies r
                WHERE r.tableoid = ANY (ARRAY(SELECT u.partition FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u))
                  AND CASE WHEN (SELECT bool_and(u.keyed) FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass) u)
                      THEN EXISTS (SELECT FROM heartbeat_anomalies f
                                   WHERE f.customer_id = r.customer_id AND f.event_timestamp = r.event_timestamp
                                     AND f.heart_rate = r.heart_rate AND f.id = r.id AND f.ingested_at = r.ingested_at
                                     AND f.anomaly_type = r.anomaly_type AND f.tableoid = r.tableoid OFFSET 0)
                      ELSE true END) s);
END;
COMMENT ON FUNCTION heartbeat_surplus_rows() IS
    'Internal: returns how many rows of heartbeat_records and heartbeat_anomalies repeat a reading, or are in a table '
    'partition in which queries do not find them.';

CREATE OR REPLACE FUNCTION heartbeat_audit_tables(OUT table_name text, OUT counted bigint, OUT stored bigint, OUT difference bigint)
    RETURNS SETOF record
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp SET row_security = off
BEGIN ATOMIC
    SELECT t.table_name, t.counted, p.stored,
           greatest(least(p.stored::numeric - t.counted, 9223372036854775807), -9223372036854775808)::bigint
    FROM (SELECT least(coalesce(sum(o.records), 0), 9223372036854775807)::bigint AS records,
                 least(coalesce(sum(o.anomalies), 0), 9223372036854775807)::bigint AS anomalies,
                 greatest(least(coalesce(sum(o.dead_letters::numeric - o.dead_letters_deleted), 0), 9223372036854775807),
                          -9223372036854775808)::bigint AS dead_letters
          FROM heartbeat_offsets o) c,
         LATERAL (VALUES
            ('heartbeat_records', c.records, (SELECT count(*) FROM heartbeat_records)),
            ('heartbeat_anomalies', c.anomalies, (SELECT count(*) FROM heartbeat_anomalies)),
            ('heartbeat_dead_letters', c.dead_letters,
             (SELECT count(*) FROM heartbeat_dead_letters d WHERE d.resolved_at IS NULL))
         ) AS t (table_name, counted, rows),
         -- If heartbeat has stored a message twice, it has also counted the message twice, and the number of rows agrees with the
         -- counter. So if they agree, the query also searches for surplus rows. Each EXISTS selects a column, because other servers
         -- can have the rows. These servers cannot send the result of a subquery without columns.
         LATERAL (SELECT t.rows - CASE
             WHEN t.rows <> t.counted THEN 0
             WHEN t.table_name = 'heartbeat_records'
                  AND EXISTS (SELECT true FROM heartbeat_unproven_partitions('heartbeat_records'::regclass))
                 THEN (SELECT s.records FROM heartbeat_surplus_rows() s)
             WHEN t.table_name = 'heartbeat_anomalies'
                  AND EXISTS (SELECT true FROM heartbeat_unproven_partitions('heartbeat_anomalies'::regclass))
                 THEN (SELECT s.anomalies FROM heartbeat_surplus_rows() s)
             ELSE 0 END AS stored) p;
END;
COMMENT ON FUNCTION heartbeat_audit_tables() IS
    'Counts the rows of heartbeat_records and of heartbeat_anomalies, and the unresolved rows of heartbeat_dead_letters. For '
    'each of these tables it compares the number of rows with the counters in heartbeat_offsets. If the numbers agree, the '
    'function also searches for readings that are stored twice or in the wrong table partition, and does not count these rows. '
    'A difference above 0 means that there are rows without a message. A difference below 0 has two possible causes. First '
    'cause: rows were deleted, by heartbeat.retention or by hand. Deleted dead letters are not a cause, because heartbeat counts '
    'them. Second cause: readings are stored twice or in the wrong table partition, which is possible if a person has changed '
    'the partitions. The function reads all rows.';

--
-- Several machines: Citus distributes the readings and their rollup over its nodes by customer. All other tables, such as the offsets and
-- the dead letters, stay with the workers on the coordinator.
--

CREATE OR REPLACE FUNCTION heartbeat_check_cluster() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    coordinator boolean;
    strangers text;
BEGIN
    IF NOT EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') THEN
        RAISE EXCEPTION 'heartbeat_distribute needs the extension "citus"'
            USING ERRCODE = 'feature_not_supported',
                  HINT = 'Install Citus, add it to shared_preload_libraries, run CREATE EXTENSION citus, and add nodes with citus_add_node().';
    END IF;
    EXECUTE 'SELECT groupid = 0 FROM pg_dist_local_group' INTO coordinator;
    IF NOT coordinator THEN
        RAISE EXCEPTION 'this server is a node of a Citus cluster, not its coordinator'
            USING ERRCODE = 'object_not_in_prerequisite_state', HINT = 'Call the function on the coordinator: heartbeat runs only there.';
    END IF;
    EXECUTE $find$ SELECT string_agg(format('%s:%s', nodename, nodeport), ', ' ORDER BY nodename, nodeport)
        FROM run_command_on_workers('SELECT count(*) FROM pg_extension WHERE extname = ''heartbeat''')
        WHERE NOT success OR result <> '0' $find$ INTO strangers;
    IF strangers IS NOT NULL THEN
        RAISE EXCEPTION 'these nodes have the extension "heartbeat", or do not answer: %', strangers
            USING ERRCODE = 'object_not_in_prerequisite_state',
                  HINT = 'heartbeat runs only on the coordinator. Run DROP EXTENSION heartbeat on each of these nodes.';
    END IF;
END
$$;
COMMENT ON FUNCTION heartbeat_check_cluster() IS
    'Internal: raises an error unless this server is a Citus coordinator whose nodes are ready for the tables.';

CREATE OR REPLACE FUNCTION heartbeat_lock_control(control regclass) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
BEGIN
    EXECUTE format('LOCK TABLE %s IN SHARE ROW EXCLUSIVE MODE', control);
END
$$;
COMMENT ON FUNCTION heartbeat_lock_control(regclass) IS
    'Internal: waits for the current batch, as heartbeat_pause() does. The next batch waits until the tables have changed.';

CREATE OR REPLACE FUNCTION heartbeat_leave_extension(records regclass, mark_changed regprocedure) RETURNS void
    LANGUAGE plpgsql STRICT SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    name text;
    one record;
BEGIN
    -- The query below must see the triggers of all table partitions. So this lock waits while the maintenance worker creates table
    -- partitions.
    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', records);
    -- Citus distributes no table that has triggers
    FOR one IN SELECT t.tgname, t.tgrelid::regclass AS watched FROM pg_trigger t WHERE t.tgfoid = mark_changed AND t.tgparentid = 0 LOOP
        EXECUTE format('DROP TRIGGER %I ON %s', one.tgname, one.watched);
    END LOOP;
    -- The tables leave the extension for two reasons. Citus creates on its nodes each object that a table depends on, so Citus
    -- would also create the extension there. And Citus cannot change a table of an extension.
    FOR name IN SELECT d.objid::regclass::text FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
                JOIN pg_class c ON c.oid = d.objid
                WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
                  AND e.extname = 'heartbeat' AND c.relkind IN ('r', 'p', 'S')
                  AND c.relname ~ '^heartbeat_(records|anomalies|rollup)(_default|_pending|_id_seq)?$' LOOP
        EXECUTE format('ALTER EXTENSION heartbeat DROP %s %s', CASE WHEN name LIKE '%_id_seq%' THEN 'SEQUENCE' ELSE 'TABLE' END, name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_leave_extension(regclass, regprocedure) IS
    'Internal: drops the triggers of heartbeat_records, and removes from the extension the tables that Citus distributes.';

CREATE OR REPLACE FUNCTION heartbeat_prepare_spread() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    SELECT heartbeat_use_summary(true, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_leave_extension('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure);
    SELECT heartbeat_record_all_calls(false);
END;
COMMENT ON FUNCTION heartbeat_prepare_spread() IS
    'Internal: does the part of heartbeat_distribute() before Citus distributes the tables. When Citus distributes a table, it '
    'follows the dependencies of the table and of functions. After this call they lead neither back to the table nor to the '
    'extension.';

CREATE OR REPLACE FUNCTION heartbeat_spread(shard_count integer) RETURNS integer
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    shards integer := shard_count;
    first_table text := format('%I.heartbeat_records', schema);
    name text;
    one record;
BEGIN
    IF shards IS NULL THEN
        EXECUTE 'SELECT greatest(4 * count(*), 4) FROM pg_dist_node WHERE shouldhaveshards AND noderole = ''primary''' INTO shards;
    END IF;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending SET (autovacuum_vacuum_threshold = 10000,'
                   ' autovacuum_vacuum_scale_factor = 0)', schema); -- without Citus, the maintenance worker vacuums this table
    FOR one IN SELECT x.indexrelid::regclass AS brin FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                     JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                     WHERE h.inhparent = first_table::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s SET (autosummarize = on)', one.brin);
    END LOOP;
    EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', shard_count := $2, colocate_with := ''none'')'
        USING first_table::regclass, shards;
    FOREACH name IN ARRAY ARRAY['heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending'] LOOP
        EXECUTE 'SELECT create_distributed_table($1, ''customer_id'', colocate_with := $2)'
            USING format('%I.%I', schema, name)::regclass, first_table;
    END LOOP;
    -- the rows that Citus has copied to its nodes are still on this server's disk
    FOR one IN SELECT c.oid::regclass AS spread FROM pg_class c
               WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind = 'r'
                 AND (c.relname = 'heartbeat_rollup_pending' OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                     first_table::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                     format('%I.heartbeat_rollup', schema)::regclass))) LOOP
        EXECUTE 'SELECT truncate_local_data_after_distributing_table($1)' USING one.spread;
    END LOOP;
    RETURN shards;
END
$$;
COMMENT ON FUNCTION heartbeat_spread(integer) IS
    'Internal: does the part of heartbeat_distribute() after heartbeat_prepare_spread(). It returns the number of shards.';

CREATE OR REPLACE FUNCTION heartbeat_distribute(shard_count integer DEFAULT NULL) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(coalesce(shard_count BETWEEN 1 AND 64000, true),
                             format('heartbeat_distribute needs 1 to 64000 shards, not %s', shard_count),
                             'invalid_parameter_value', 'Four shards for each node, the default, are a good number.');
    SELECT heartbeat_check_cluster();
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_require(NOT heartbeat_is_distributed(), 'the tables are already distributed', 'object_not_in_prerequisite_state',
                             'citus_rebalance_start() moves shards to new nodes. alter_distributed_table() changes the number of shards.');
    SELECT heartbeat_prepare_spread();
    SELECT heartbeat_record_event('distribute', NULL, jsonb_build_object('shards', heartbeat_spread(shard_count)));
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_distribute(integer) IS
    'Distributes heartbeat_records, heartbeat_anomalies and the rollup by customer_id over the nodes of a Citus cluster, and '
    'removes these tables from the extension. This server must be the coordinator of the cluster. The argument is the number of '
    'shards (NULL: four for each node). Ingest waits until the rows are copied, and then continues automatically. The call is '
    'one transaction.';

--
-- Undoes heartbeat_distribute(): moves the distributed tables back to this server, and into the extension.
--

-- heartbeat_gather() calls the functions that Citus itself calls for DROP TABLE, but does not drop the tables. So the tables keep their
-- oids, to which views and functions are bound.
CREATE OR REPLACE FUNCTION heartbeat_gather() RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                    WHERE e.extname = 'heartbeat');
    one record;
    name text;
    item text;
BEGIN
    -- the rollup also takes this lock first: with the same order of locks, neither session can cause a deadlock
    EXECUTE format('LOCK TABLE %I.heartbeat_records IN SHARE UPDATE EXCLUSIVE MODE', schema);
    EXECUTE 'SET LOCAL citus.multi_shard_modify_mode = sequential';
    CREATE TEMP TABLE heartbeat_spread ON COMMIT DROP AS
        SELECT c.oid::regclass AS spread, c.relname, c.relkind = 'r' AS has_rows, row_number() OVER () AS number
        FROM pg_class c
        WHERE c.relnamespace = quote_ident(schema)::regnamespace AND c.relkind IN ('r', 'p')
          AND (c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending')
               OR c.oid IN (SELECT inhrelid FROM pg_inherits WHERE inhparent IN (
                   format('%I.heartbeat_records', schema)::regclass, format('%I.heartbeat_anomalies', schema)::regclass,
                   format('%I.heartbeat_rollup', schema)::regclass)))
        ORDER BY c.relkind = 'p', c.relname;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE format('LOCK TABLE %s IN ACCESS EXCLUSIVE MODE', one.spread);
        IF one.has_rows THEN
            EXECUTE format('CREATE TEMP TABLE heartbeat_kept_%s ON COMMIT DROP AS SELECT * FROM %s', one.number, one.spread);
        END IF;
    END LOOP;
    FOR one IN SELECT * FROM pg_temp.heartbeat_spread ORDER BY number LOOP
        EXECUTE 'SELECT master_remove_distributed_table_metadata_from_workers($1, $2, $3), citus_drop_all_shards($1, $2, $3),'
                ' master_remove_partition_metadata($1, $2, $3)' USING one.spread, schema, one.relname;
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING one.spread;
        FOR name IN SELECT tgname FROM pg_trigger WHERE tgrelid = one.spread AND tgname LIKE 'truncate_trigger_%' LOOP
            EXECUTE format('DROP TRIGGER %I ON %s', name, one.spread);
        END LOOP;
        IF one.has_rows THEN
            EXECUTE format('INSERT INTO %s SELECT * FROM pg_temp.heartbeat_kept_%s', one.spread, one.number);
        END IF;
    END LOOP;
    FOREACH item IN ARRAY ARRAY['TABLE heartbeat_records', 'TABLE heartbeat_anomalies', 'TABLE heartbeat_rollup',
        'TABLE heartbeat_rollup_pending', 'TABLE heartbeat_records_default', 'TABLE heartbeat_anomalies_default',
        'TABLE heartbeat_rollup_default', 'SEQUENCE heartbeat_records_id_seq', 'SEQUENCE heartbeat_anomalies_id_seq'] LOOP
        name := format('%I.%I', schema, split_part(item, ' ', 2));
        EXECUTE 'DELETE FROM pg_dist_object WHERE classid = ''pg_class''::regclass AND objid = $1' USING name::regclass;
        EXECUTE format('ALTER EXTENSION heartbeat ADD %s %s', split_part(item, ' ', 1), name);
        -- this UPDATE does the work of pg_extension_config_dump(), because only an extension's script may call that function
        IF item ~ '_(default|pending|id_seq)$' THEN
            UPDATE pg_extension SET extconfig = extconfig || name::regclass::oid, extcondition = extcondition || ''::text
                WHERE extname = 'heartbeat';
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I.heartbeat_rollup_pending RESET (autovacuum_vacuum_threshold, autovacuum_vacuum_scale_factor)', schema);
    FOR name IN SELECT x.indexrelid::regclass::text FROM pg_inherits h JOIN pg_index x ON x.indrelid = h.inhrelid
                JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_am a ON a.oid = i.relam
                WHERE h.inhparent = format('%I.heartbeat_records', schema)::regclass AND a.amname = 'brin' LOOP
        EXECUTE format('ALTER INDEX %s RESET (autosummarize)', name);
    END LOOP;
END
$$;
COMMENT ON FUNCTION heartbeat_gather() IS 'Internal: does the work of heartbeat_undistribute() after its checks.';

CREATE OR REPLACE FUNCTION heartbeat_undistribute() RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET client_min_messages = warning
BEGIN ATOMIC
    SELECT heartbeat_require(heartbeat_is_distributed(), 'the tables are not distributed', 'object_not_in_prerequisite_state',
                             'The tables are on this server.');
    SELECT heartbeat_lock_control('heartbeat_control'::regclass);
    SELECT heartbeat_gather();
    SELECT heartbeat_watch_changes('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure);
    SELECT count(heartbeat_release_trigger(w.watched)) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) w (watched);
    SELECT heartbeat_record_all_calls(true);
    SELECT heartbeat_use_summary(false, 'heartbeat_summarize_minute(timestamptz)'::regprocedure);
    SELECT heartbeat_record_event('undistribute', NULL);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_undistribute() IS
    'Undoes heartbeat_distribute(): moves the distributed tables back to this server and into the extension. It copies the rows '
    'twice on this server, in one transaction. Ingest waits until the transaction commits.';

--
-- These functions change the owner of the extension
--

CREATE OR REPLACE FUNCTION heartbeat_own_extension(new_owner regrole) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_own_extension(regrole) IS
    'Internal: does the part of heartbeat_set_owner() that no SQL statement can do.';

CREATE OR REPLACE FUNCTION heartbeat_own_objects(new_owner regrole, parents regclass[]) RETURNS void
    LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    members CONSTANT text := -- $1 is `parents`, which also has tables that have left the extension (ALTER EXTENSION heartbeat DROP TABLE)
        'SELECT c.oid::regclass FROM pg_class c WHERE c.relkind IN (''r'', ''p'', ''v'') AND (c.oid = ANY ($1::oid[])'
        ' OR EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = ''heartbeat'''
        '     WHERE d.classid = ''pg_class''::regclass AND d.objid = c.oid'
        '       AND d.refclassid = ''pg_extension''::regclass AND d.deptype = ''e'')'
        ' OR EXISTS (SELECT FROM pg_inherits h JOIN pg_class p ON p.oid = h.inhparent'
        '     WHERE h.inhrelid = c.oid AND h.inhparent = ANY ($1::oid[]) AND p.relowner = c.relowner))'
        ' ORDER BY c.relname <> ''heartbeat_control'', c.relkind = ''v'', c.oid';
    -- the names of the old and the new owner, in the form that an entry of an access control list has
    old_entry CONSTANT text := (SELECT makeaclitem(e.extowner, e.extowner, 'SELECT', false)::text FROM pg_extension e WHERE e.extname = 'heartbeat');
    old_name CONSTANT text := left(old_entry, (length(old_entry) - length('=r/')) / 2);
    new_entry CONSTANT text := makeaclitem(new_owner, new_owner, 'SELECT', false)::text;
    new_name CONSTANT text := left(new_entry, (length(new_entry) - length('=r/')) / 2);
    one regclass;
    statement text;
BEGIN
    -- Each attempt waits at most 200 ms for a lock. Then the attempt releases all its locks, because a worker can hold some of the
    -- locks and wait for the other locks. While this session holds the locks, no session creates a table partition.
    -- PostgreSQL locks a view only together with the relations that the view reads, including the server's own relations. So
    -- this function does not lock views.
    FOR attempt IN 1 .. 100 LOOP
        BEGIN
            PERFORM set_config('lock_timeout', '200ms', true);
            FOR one IN EXECUTE members USING parents LOOP
                IF (SELECT c.relkind FROM pg_class c WHERE c.oid = one) <> 'v' THEN
                    EXECUTE format('LOCK TABLE ONLY %s IN ACCESS EXCLUSIVE MODE', one);
                END IF;
            END LOOP;
            FOR one IN EXECUTE members USING parents LOOP
                EXECUTE format('ALTER %s %s OWNER TO %s',
                               CASE (SELECT c.relkind FROM pg_class c WHERE c.oid = one) WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END, one, new_owner);
            END LOOP;
            EXIT;
        EXCEPTION WHEN lock_not_available THEN
            IF attempt = 100 THEN
                RAISE;
            END IF;
        END;
        PERFORM pg_sleep(0.05);
    END LOOP;
    FOR statement IN
        SELECT format('GRANT CREATE, USAGE ON SCHEMA %I TO %s', n.nspname, new_owner) -- the owner creates table partitions there
        FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat'
        UNION ALL
        SELECT format('ALTER FUNCTION %s OWNER TO %s', d.objid::regprocedure, new_owner)
        FROM pg_extension e JOIN pg_depend d ON d.refobjid = e.oid
        WHERE e.extname = 'heartbeat' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
          AND d.classid = 'pg_proc'::regclass
    LOOP
        EXECUTE statement;
    END LOOP;
    -- To find grants, pg_dump compares the present rights of the extension's objects with their initial rights. So this statement also
    -- replaces the old owner in the initial rights.
    UPDATE pg_init_privs i
    SET initprivs = ARRAY(
        SELECT (CASE WHEN right(g.entry, length(old_name) + 1) = '/' || old_name
                     THEN left(g.entry, length(g.entry) - length(old_name)) || new_name ELSE g.entry END)::aclitem
        FROM unnest(i.initprivs) WITH ORDINALITY u (item, number),
             LATERAL (SELECT CASE WHEN left(u.item::text, length(old_name) + 1) = old_name || '='
                                  THEN new_name || substr(u.item::text, length(old_name) + 1) ELSE u.item::text END) g (entry)
        ORDER BY u.number)
    WHERE EXISTS (SELECT FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat'
                  WHERE d.classid = i.classoid AND d.objid = i.objoid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e');
END
$$;
COMMENT ON FUNCTION heartbeat_own_objects(regrole, regclass[]) IS
    'Internal: does the part of heartbeat_set_owner() that SQL statements can do.';

CREATE OR REPLACE FUNCTION heartbeat_set_owner(new_owner regrole) RETURNS void
    LANGUAGE sql SET search_path = pg_catalog, pg_temp SET lock_timeout = '10s'
BEGIN ATOMIC
    SELECT heartbeat_require(EXISTS (SELECT FROM pg_roles r WHERE r.oid = new_owner),
                             format('heartbeat_set_owner needs a role, not %s', coalesce(new_owner::text, 'NULL')),
                             'undefined_object', 'Give the name of a role, as in heartbeat_set_owner(''heartbeat_owner'').');
    SELECT heartbeat_own_objects(new_owner, ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass,
                                                  'heartbeat_rollup'::regclass, 'heartbeat_rollup_pending'::regclass]);
    SELECT heartbeat_own_extension(new_owner);
    SELECT heartbeat_record_event('owner', new_owner::text);
    SELECT heartbeat_wake_workers();
END;
COMMENT ON FUNCTION heartbeat_set_owner(regrole) IS
    'Gives the extension, its tables, table partitions, views and functions to a role, and grants the role CREATE and USAGE '
    'on the extension''s schema. The role need not be a superuser, and needs no login. Functions such as heartbeat_pause() act '
    'with the rights of this role, and so do the workers if heartbeat.role is empty. Only superusers can call it. Ingest '
    'waits until the call commits. A dump does not keep the owner: call the function again after a restore.';

--
-- This function finds objects of other roles that the extension uses
--

CREATE OR REPLACE FUNCTION heartbeat_check_objects(OUT object text, OUT uses text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- `parents` also has tables that have left the extension (ALTER EXTENSION heartbeat DROP TABLE), if the extension's owner
    -- owns these tables
    WITH parents AS MATERIALIZED (
        SELECT c.oid
        FROM unnest(ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass,
                          'heartbeat_rollup_pending'::regclass]) t (parent)
        JOIN pg_class c ON c.oid = t.parent::oid JOIN pg_extension e ON e.extowner = c.relowner
        WHERE e.extname = 'heartbeat'::name
    ), members AS MATERIALIZED (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'::"char" AND e.extname = 'heartbeat'::name
        UNION SELECT 'pg_class'::regclass::oid, p.oid FROM parents p
        UNION SELECT 'pg_class'::regclass::oid, h.inhrelid FROM pg_inherits h JOIN parents p ON p.oid = h.inhparent
        UNION SELECT d.classid, d.objid FROM pg_depend d JOIN parents p ON p.oid = d.refobjid -- the sequences of `parents`
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'::"char"
        WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid AND d.deptype = 'a'::"char"
    ), tables AS (
        SELECT m.objid FROM members m WHERE m.classid = 'pg_class'::regclass::oid
    ), parts AS (
        SELECT classid, objid FROM members
        UNION ALL SELECT 'pg_rewrite'::regclass::oid, r.oid FROM pg_rewrite r JOIN tables t ON t.objid = r.ev_class
        UNION ALL SELECT 'pg_attrdef'::regclass::oid, a.oid FROM pg_attrdef a JOIN tables t ON t.objid = a.adrelid
        UNION ALL SELECT 'pg_constraint'::regclass::oid, c.oid FROM pg_constraint c JOIN tables t ON t.objid = c.conrelid
        UNION ALL SELECT 'pg_class'::regclass::oid, i.indexrelid FROM pg_index i JOIN tables t ON t.objid = i.indrelid
        UNION ALL SELECT 'pg_policy'::regclass::oid, p.oid FROM pg_policy p JOIN tables t ON t.objid = p.polrelid
        UNION ALL SELECT 'pg_trigger'::regclass::oid, g.oid FROM pg_trigger g JOIN tables t ON t.objid = g.tgrelid
            -- PostgreSQL 14 also sets tgisinternal for a user's trigger that a table partition has from its parent. So the
            -- query recognizes an internal trigger by its constraint instead.
            WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = g.tgconstraint AND k.contype <> 't'::"char")
    ), own AS (
        SELECT classid, objid FROM parts
        UNION ALL SELECT 'pg_type'::regclass::oid, y.oid FROM pg_type y JOIN tables t ON t.objid = y.typrelid
    )
    SELECT pg_describe_object(p.classid, p.objid, 0), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM parts p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    WHERE d.refclassid IN ('pg_proc'::regclass::oid, 'pg_operator'::regclass::oid, 'pg_type'::regclass::oid,
                           'pg_collation'::regclass::oid, 'pg_opclass'::regclass::oid, 'pg_class'::regclass::oid)
      AND d.refobjid >= 16384::oid -- an object with a smaller oid comes from initdb
      AND d.deptype = 'n'::"char"
      AND NOT EXISTS (SELECT FROM own o WHERE o.classid = d.refclassid AND o.objid = d.refobjid)
    GROUP BY 1, 2 ORDER BY 1, 2;
END;
COMMENT ON FUNCTION heartbeat_check_objects() IS
    'Finds each object of the extension that uses a foreign object, and returns a row with both objects. An object of the '
    'extension is a function, a view, or a table''s default, constraint, index, policy or trigger. A foreign object belongs '
    'neither to the server nor to the extension. It runs with the rights of the role that uses the extension''s object. The '
    'rows also show objects that you have added to the tables yourself. Every other row shows a security problem.';

-- Creates the triggers on heartbeat_records. If other servers have the rows, both statements create nothing.
SELECT heartbeat_watch_changes('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure) WHERE NOT heartbeat_rows_elsewhere();
SELECT heartbeat_release_trigger(watched) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) watched;

-- Version 1.1 could cut a text in the middle of a character, and stored texts of brokers unchanged. So a stored text can have
-- invalid bytes. Clients refuse such a text, and the server refuses the text in the restore of a dump.

CREATE FUNCTION heartbeat_mend_text(broken text) RETURNS text AS 'MODULE_PATHNAME' LANGUAGE C IMMUTABLE STRICT;
DO $$
DECLARE
    place record;
    broken boolean;
BEGIN
    FOR place IN
        SELECT t.name::regclass AS relation, t.column_name, t.mended
        FROM (VALUES ('heartbeat_events', 'reason', NULL), ('heartbeat_control', 'reason', NULL), ('heartbeat_gaps', 'reason', NULL),
                     ('heartbeat_offsets', 'lost_reason', NULL), ('heartbeat_offsets', 'cluster_id', NULL),
                     ('heartbeat_offsets', 'topic_id', NULL), ('heartbeat_dead_letters', 'error_text', NULL),
                     ('heartbeat_alerts', 'detail', $x$replace(heartbeat_mend_text(detail::text), E'\\x', E'\\\\x')::jsonb$x$)
             ) AS t (name, column_name, mended)
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE %2$I::text <> heartbeat_mend_text(%2$I::text))', place.relation,
                       place.column_name) INTO broken;
        CONTINUE WHEN NOT broken;
        PERFORM heartbeat_refuse_user_code(ARRAY[place.relation]); -- a trigger would run as the role that updates the extension
        EXECUTE format('UPDATE %s SET %2$I = %3$s WHERE %2$I::text <> heartbeat_mend_text(%2$I::text)', place.relation,
                       place.column_name, coalesce(place.mended, format('heartbeat_mend_text(%I)', place.column_name)));
    END LOOP;
END
$$;
DROP FUNCTION heartbeat_mend_text(text);

-- Functions that 1.2 no longer has

DROP FUNCTION heartbeat_add_partition_keys(text, text);
DROP FUNCTION heartbeat_newest_anomalies(timestamptz, timestamptz, text, text);
DROP FUNCTION heartbeat_heard(text[], timestamptz);
DROP FUNCTION heartbeat_use_summary(boolean);

-- Rights on new objects

-- @rights@

-- A role that reads heartbeat_metrics calls the functions of this view with its own rights, so this role needs EXECUTE on the new
-- functions. The workers' role needs the rights to update dead letters and to store arrivals.
DO $$
DECLARE
    reader text;
    worker text;
BEGIN
    IF current_setting('heartbeat_building.readers') <> '' THEN
        EXECUTE 'GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_partition_states() TO '
                || current_setting('heartbeat_building.readers');
    END IF;
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_dead_letters'::regclass AND a.privilege_type = 'INSERT'
                    AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT UPDATE (resolved_at, error_code, error_text) ON heartbeat_building.heartbeat_dead_letters TO %s', worker);
    END LOOP;
    FOR worker IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_class c, aclexplode(c.relacl) a
                  WHERE c.oid = 'heartbeat_building.heartbeat_rollup_pending'::regclass AND a.privilege_type = 'INSERT'
                    AND a.grantee <> c.relowner LOOP
        EXECUTE format('GRANT INSERT ON heartbeat_building.heartbeat_arrivals TO %s', worker);
        EXECUTE format('GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_take_arrivals() TO %s', worker);
    END LOOP;
    FOR reader IN SELECT CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END
                  FROM pg_proc p, aclexplode(p.proacl) a
                  WHERE p.oid = 'heartbeat_building.heartbeat_batch_times()'::regprocedure AND a.privilege_type = 'EXECUTE'
                    AND a.grantee <> p.proowner LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION heartbeat_building.heartbeat_announcements_dropped(),'
                       ' heartbeat_building.heartbeat_maintenance_duties() TO %s', reader);
    END LOOP;
END
$$;

-- If an update script grants a right on an object, PostgreSQL records all grants on this object in pg_init_privs, as a part of the
-- extension. pg_dump does not write such grants, so a restored database would lack them. The statements below remove the grants to
-- other roles from pg_init_privs, so pg_dump writes these grants. The grants themselves do not change.

DELETE FROM pg_init_privs i
    WHERE i.objsubid <> 0 AND i.classoid = 'pg_class'::regclass
      AND EXISTS (SELECT FROM pg_class c WHERE c.oid = i.objoid AND c.relnamespace = 'heartbeat_building'::regnamespace);
UPDATE pg_init_privs i
    SET initprivs = ARRAY(SELECT p.item FROM unnest(i.initprivs) p (item)
                          WHERE EXISTS (SELECT FROM aclexplode(ARRAY[p.item]) a WHERE a.grantee = o.owner))
    FROM (SELECT 'pg_class'::regclass, c.oid, c.relowner FROM pg_class c WHERE c.relnamespace = 'heartbeat_building'::regnamespace
          UNION ALL
          SELECT 'pg_proc'::regclass, p.oid, p.proowner FROM pg_proc p WHERE p.pronamespace = 'heartbeat_building'::regnamespace
         ) o (class, object, owner)
    WHERE i.privtype = 'e' AND i.classoid = o.class AND i.objoid = o.object;

-- @distributed_finish@

-- @finish@
