--
-- pg_dump writes the contents of these; partitions that the worker made are no members and are dumped as they are
--

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['heartbeat_records_default', 'heartbeat_anomalies_default', 'heartbeat_rollup_default',
        'heartbeat_rollup_pending', 'heartbeat_stale_minutes', 'heartbeat_customers', 'heartbeat_arrivals', 'heartbeat_customers_total',
        'heartbeat_offsets', 'heartbeat_gaps', 'heartbeat_events', 'heartbeat_events_id_seq', 'heartbeat_dead_letters',
        'heartbeat_control', 'heartbeat_alert_rules', 'heartbeat_alerts', 'heartbeat_alerts_id_seq',
        'heartbeat_records_id_seq', 'heartbeat_anomalies_id_seq',
        'heartbeat_dead_letters_id_seq']
    LOOP
        PERFORM pg_extension_config_dump(name::regclass,
                                         CASE name WHEN 'heartbeat_control' THEN 'WHERE hold = ''pause''' ELSE '' END);
    END LOOP;
END
$$;

-- In a database that a dump is filling, a worker would read what the dump is about to bring, and make partitions that it
-- has too. Nothing in a dump can say that it has ended, so a person does. Every dump begins by turning row_security off
-- in its session, unless it was told not to; nobody else has a reason to when making an extension. What the server, the
-- database or the role has row_security set to says nothing.
INSERT INTO heartbeat_control (hold, paused, reason)
    SELECT 'restore', true, 'restored from a dump; heartbeat_resume() says that the restore has ended'
    WHERE EXISTS (SELECT FROM pg_settings WHERE name = 'row_security' AND setting = 'off' AND source = 'session')
       OR current_setting('application_name') = 'pg_restore';
