--
-- This block registers the extension's tables whose contents pg_dump must write. The table partitions that the worker creates are
-- not members of the extension, so pg_dump writes the definitions and the contents of these table partitions.
--

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['heartbeat_records_default', 'heartbeat_anomalies_default', 'heartbeat_rollup_default',
        'heartbeat_rollup_pending', 'heartbeat_stale_minutes', 'heartbeat_customers', 'heartbeat_arrivals', 'heartbeat_customers_total',
        'heartbeat_source_definitions', 'heartbeat_source_definitions_source_id_seq', 'heartbeat_schemas', 'heartbeat_dropped_offsets',
        'heartbeat_offsets', 'heartbeat_gaps', 'heartbeat_events', 'heartbeat_events_id_seq', 'heartbeat_dead_letters',
        'heartbeat_control', 'heartbeat_alert_rules', 'heartbeat_alerts', 'heartbeat_alerts_id_seq',
        'heartbeat_records_id_seq', 'heartbeat_anomalies_id_seq',
        'heartbeat_dead_letters_id_seq']
    LOOP
        PERFORM pg_extension_config_dump(name::regclass, CASE name
            WHEN 'heartbeat_control' THEN 'WHERE hold = ''pause'''
            -- CREATE EXTENSION inserts the row of the source `default`. If the dump has this row too, heartbeat_replace_default()
            -- replaces the inserted row during the restore.
            WHEN 'heartbeat_source_definitions' THEN 'WHERE name <> ''default'' OR revision > 1'
            ELSE '' END);
    END LOOP;
END
$$;

-- During the restore of a dump, a worker would store readings and create table partitions that the dump also contains. So this
-- statement pauses ingest if a restore runs CREATE EXTENSION. heartbeat cannot see when the restore ends, so a person calls
-- heartbeat_resume(). The statement recognizes a restore in two ways: application_name is pg_restore, or the session itself has
-- set row_security to off. The script of a dump sets row_security first, except with an option of pg_dump. Other sessions have no
-- reason to set row_security before CREATE EXTENSION. A value that comes from the settings of the server, the database or the role
-- does not count.
INSERT INTO heartbeat_control (hold, paused, reason)
    SELECT 'restore', true, 'restored from a dump: call heartbeat_resume() when the restore has ended'
    WHERE EXISTS (SELECT FROM pg_settings WHERE name = 'row_security' AND setting = 'off' AND source = 'session')
       OR current_setting('application_name') = 'pg_restore';
