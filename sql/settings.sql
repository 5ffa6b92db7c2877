-- The settings: names, contexts, units, ranges, defaults, and refused values.
LOAD 'heartbeat';
\set SHOW_CONTEXT never

-- heartbeat.database, heartbeat.max_sources and heartbeat.workers take effect at a restart. They have the context postmaster, or
-- sighup if the server has not preloaded the library. The query shows `restart` for both contexts.
SELECT name, vartype AS type, unit, CASE WHEN name IN ('heartbeat.database', 'heartbeat.max_sources', 'heartbeat.workers')
           AND context = CASE WHEN current_setting('shared_preload_libraries') LIKE '%heartbeat%'
                              THEN 'postmaster' ELSE 'sighup' END
       THEN 'restart' ELSE context END AS context,
       min_val AS min, max_val AS max, enumvals AS values, boot_val AS default
FROM pg_settings WHERE name LIKE 'heartbeat.%' ORDER BY name COLLATE "C";
SELECT name, short_desc FROM pg_settings WHERE name LIKE 'heartbeat.%' ORDER BY name COLLATE "C";

-- wrong values: the error names the setting and the valid values
ALTER SYSTEM SET heartbeat.topic = 'heart beat';
ALTER SYSTEM SET heartbeat.topic = 'heartbeat/events';
ALTER SYSTEM SET heartbeat.topic = '';
ALTER SYSTEM SET heartbeat.topic = '.';
ALTER SYSTEM SET heartbeat.topic = '..';
SELECT format('ALTER SYSTEM SET heartbeat.topic = %L', repeat('t', 250)) \gexec
ALTER SYSTEM SET heartbeat.group_id = '';
ALTER SYSTEM SET heartbeat.brokers = 'kafka://kafka-1:9092';
ALTER SYSTEM SET heartbeat.brokers = 'kafka-1:9092,SSL://kafka-2:9093';
ALTER SYSTEM SET heartbeat.brokers = ',';
ALTER SYSTEM SET heartbeat.brokers = 'kafka-1:99999';
ALTER SYSTEM SET heartbeat.brokers = 'kafka-1:0';
ALTER SYSTEM SET heartbeat.brokers = ':9092';
ALTER SYSTEM SET heartbeat.brokers = 'kafka-1:9092;kafka-2:9092';
ALTER SYSTEM SET heartbeat.start_offset = 'beginning';
ALTER SYSTEM SET heartbeat.offset_reset = 'none';
ALTER SYSTEM SET heartbeat.workers = 0;
ALTER SYSTEM SET heartbeat.workers = 1000;
ALTER SYSTEM SET heartbeat.batch_size = 0;
ALTER SYSTEM SET heartbeat.batch_size = 1000001;
ALTER SYSTEM SET heartbeat.batch_size = 'many';
-- if the range of a setting has a unit, the text of the error differs between versions of PostgreSQL
\set VERBOSITY sqlstate
ALTER SYSTEM SET heartbeat.batch_wait = -1;
ALTER SYSTEM SET heartbeat.batch_wait = '61s';
ALTER SYSTEM SET heartbeat.retention = -1;
\set VERBOSITY default
ALTER SYSTEM SET heartbeat.batch_wait = '1 fortnight';
ALTER SYSTEM SET heartbeat.retention = '5000 years';
ALTER SYSTEM SET heartbeat.pack_after = '5000 years';
ALTER SYSTEM SET heartbeat.dead_letter_limit = -1;
ALTER SYSTEM SET heartbeat.log_readings = 'sometimes';

-- no session may change any of these settings
SET heartbeat.topic = 'other';
SET heartbeat.brokers = 'elsewhere:9092';
SET heartbeat.role = 'postgres';
SET heartbeat.retention = '1d';
SET heartbeat.log_readings = on;
SET heartbeat.kafka_config_file = '/etc/passwd';

-- a role without rights does not see heartbeat.kafka_config_file, the path of the file with the secrets
CREATE ROLE regress_heartbeat_nobody;
SET ROLE regress_heartbeat_nobody;
SELECT name FROM pg_settings WHERE name IN ('heartbeat.kafka_config_file', 'heartbeat.topic') ORDER BY name;
RESET ROLE;
DROP ROLE regress_heartbeat_nobody;
