-- heartbeat_add_source(), heartbeat_alter_source() and heartbeat_drop_source(): the definitions that they store and refuse, the rights
-- that they need, and the rows that stay after a source was dropped.
SET timezone = 'UTC';
SET datestyle = 'ISO';
SET client_min_messages = warning;
LOAD 'heartbeat';
\pset null '(null)'
\set SHOW_CONTEXT never
CREATE VIEW shown AS
    SELECT name, topic, format, preset, mapping, brokers, kafka_config_file, start_offset, offset_reset, revision FROM heartbeat_sources
    ORDER BY name;
CREATE ROLE regress_heartbeat_nobody;
CREATE ROLE regress_heartbeat_adder;
GRANT EXECUTE ON FUNCTION heartbeat_add_source(text, text, jsonb, text, text, text, text, text, text, text, text, text),
    heartbeat_alter_source(text, text, jsonb, text, text, text, text, text, text, text, text, text),
    heartbeat_drop_source(text), heartbeat_pause(text, text), heartbeat_resume(text) TO regress_heartbeat_adder;

-- CREATE EXTENSION creates a source with the name default, which uses the settings
TABLE shown;

-- heartbeat_add_source() without optional values, and with some of them
SELECT heartbeat_add_source('own', 'ward-7');
SELECT heartbeat_add_source('flat', 'vitals', brokers => 'kafka-1:9092,[::1]:9093', kafka_config_file => '/etc/kafka/other.properties',
                            start_offset => 'latest', offset_reset => 'earliest');
TABLE shown;
SELECT name, source_id, added_by = session_user AS added_by, added_at = changed_at AS changed FROM heartbeat_source_definitions
    ORDER BY source_id;

-- an error names the wrong part and the legal values
SELECT heartbeat_add_source('own', 'again');
SELECT heartbeat_add_source(NULL, 'topic');
SELECT heartbeat_add_source('', 'topic');
SELECT heartbeat_add_source(repeat('x', 64), 'topic');
SELECT heartbeat_add_source(E'a\nb', 'topic');
SELECT heartbeat_add_source('new', NULL);
SELECT heartbeat_add_source('new', 'no topic');
SELECT heartbeat_add_source('new', 'topic', '{"customer_id": "/id", "heart_rate": "/hr", "event_timestamp": "/t"}', preset => 'garmin-push');
SELECT heartbeat_add_source('new', 'topic', format => 'xml');
SELECT heartbeat_add_source('new', 'topic', preset => 'radar', format => 'json');
SELECT heartbeat_add_source('new', 'topic', schema_registry => 'http://registry');
SELECT heartbeat_add_source('new', 'topic', format => 'avro', schema_registry => 'registry:8081');
SELECT heartbeat_add_source('new', 'topic', format => 'avro', schema_registry => 'http://name:password@registry');
SELECT heartbeat_add_source('new', 'topic', schema => '{}');
SELECT heartbeat_add_source('new', 'topic', format => 'json-schema', schema => '{}');
SELECT heartbeat_add_source('new', 'topic', format => 'avro', schema => '{"type": "reading"}');
SELECT heartbeat_add_source('new', 'topic', format => 'avro', schema => '"long"', schema_registry => 'http://registry');
SELECT heartbeat_add_source('new', 'topic', preset => 'radar', schema => '"long"');
SELECT heartbeat_add_source('new', 'topic', brokers => 'http://kafka');
SELECT heartbeat_add_source('new', 'topic', kafka_config_file => repeat('x', 5000));
SELECT heartbeat_add_source('new', 'topic', start_offset => 'middle');
SELECT heartbeat_add_source('new', 'topic', offset_reset => 'none');
SELECT heartbeat_add_source('new', 'topic', tombstones => 'erase');
SELECT heartbeat_add_source('new', 'topic', tombstones => 'ignore');
SELECT heartbeat_alter_source('none', 'topic');
SELECT heartbeat_alter_source('own', 'topic', '{"customer_id": "/id", "heart_rate": "/hr", "event_timestamp": "/t"}', 'garmin-push');
SELECT heartbeat_alter_source('own', '');
SELECT heartbeat_alter_source('own', start_offset => '');
SELECT heartbeat_drop_source('none');
SELECT heartbeat_drop_source(NULL);
SELECT count(*) FROM heartbeat_sources;

-- schemas for sources without a schema registry
SELECT heartbeat_add_schema(NULL, '"long"');
SELECT heartbeat_add_schema(7, NULL);
SELECT heartbeat_add_schema(7, '"lng"');
SELECT heartbeat_add_schema(7, '"long"', 'XML');
SELECT heartbeat_add_schema(7, '"long"', schema_registry => 'registry');
SELECT heartbeat_add_schema(7, '"long"');
SELECT heartbeat_add_schema(7, '"long"');
SELECT heartbeat_add_schema(7, '"int"');
SELECT heartbeat_add_schema(7, '"int"', schema_registry => 'http://registry');
SELECT schema_registry, id, schema_type, schema, reference_names, reference_schemas, added_by = session_user AS by_me
FROM heartbeat_schemas ORDER BY schema_registry;

-- the argument NULL does not change a value, and an empty text removes the value
SELECT heartbeat_alter_source('flat');
SELECT heartbeat_alter_source('flat', 'vitals-2', brokers => '', kafka_config_file => '');
SELECT heartbeat_alter_source('own', offset_reset => 'latest');
TABLE shown;

-- if a field of the source named default has no value, the source uses the setting
SELECT heartbeat_alter_source('default', 'elsewhere', start_offset => 'latest');
SELECT name, topic, start_offset, offset_reset, revision FROM shown WHERE name = 'default';
SELECT heartbeat_alter_source('default', '', start_offset => '');
SELECT name, topic, start_offset, offset_reset, revision FROM shown WHERE name = 'default';

-- if a mapping replaces a preset, the format stays. The hint of an error helps, also if the wrong value is a stored value.
SELECT heartbeat_add_source('preset', 'topic', preset => 'radar', schema_registry => 'http://registry');
SELECT heartbeat_alter_source('preset', mapping => '{"customer_id": "key/id", "heart_rate": "/hr", "event_timestamp": "/t"}');
SELECT name, format, preset, mapping IS NULL AS no_mapping FROM shown WHERE name = 'preset';
SELECT heartbeat_alter_source('preset', preset => 'fhir-observation');
SELECT heartbeat_alter_source('preset', preset => 'fhir-observation', format => 'avro');
SELECT heartbeat_alter_source('preset', preset => 'fhir-observation', format => '');
SELECT heartbeat_alter_source('preset', preset => 'fhir-observation', format => '', schema_registry => '');
SELECT name, format, preset, mapping IS NULL AS no_mapping FROM shown WHERE name = 'preset';
SELECT heartbeat_alter_source('preset', schema_registry => 'http://registry');
SELECT heartbeat_alter_source('preset', format => 'avro');
SELECT heartbeat_alter_source('preset', mapping => '{"customer_id": "key", "heart_rate": "value", "event_timestamp": "kafka/timestamp"}');
SELECT name, format, preset, mapping IS NULL AS no_mapping FROM shown WHERE name = 'preset';
SELECT heartbeat_alter_source('preset', format => 'avro', schema => '"long"');
SELECT heartbeat_alter_source('preset', format => 'json');
SELECT heartbeat_alter_source('preset', schema_registry => 'http://registry');
SELECT heartbeat_alter_source('preset', schema => '', schema_registry => 'http://registry');
SELECT heartbeat_alter_source('preset', schema => '"long"');
SELECT heartbeat_alter_source('preset', format => 'json');
SELECT heartbeat_alter_source('preset', preset => 'radar');
SELECT heartbeat_alter_source('preset', format => '', mapping => '{"customer_id": "key", "heart_rate": "/hr", "event_timestamp": "/t"}', schema_registry => '');
SELECT name, format, preset, mapping IS NULL AS no_mapping FROM shown WHERE name = 'preset';
SELECT heartbeat_drop_source('preset');

-- A role needs EXECUTE to change sources. To give a source its own brokers or file, a role also needs the right to set
-- heartbeat.brokers or heartbeat.kafka_config_file.
SET ROLE regress_heartbeat_nobody;
SELECT heartbeat_add_source('new', 'topic');
SELECT heartbeat_alter_source('own', 'topic');
SELECT heartbeat_drop_source('own');
SET ROLE regress_heartbeat_adder;
SELECT * FROM heartbeat_sources;
SELECT heartbeat_add_source('new', 'topic', brokers => 'kafka-1:9092');
SELECT heartbeat_add_source('new', 'topic', kafka_config_file => '/etc/passwd');
SELECT heartbeat_add_source('new', 'topic');
SELECT heartbeat_alter_source('new', brokers => 'kafka-1:9092');
SELECT heartbeat_alter_source('new', kafka_config_file => '/etc/passwd');
SELECT heartbeat_alter_source('new', schema_registry => 'http://elsewhere');
SELECT heartbeat_alter_source('new', 'other', brokers => '');
SELECT heartbeat_alter_source('new', 'other', kafka_config_file => '');
SELECT heartbeat_alter_source('new', 'other');
-- inside a SECURITY DEFINER function, the owner of the function needs the right to set heartbeat.brokers
RESET ROLE;
CREATE FUNCTION add_as_adder() RETURNS void LANGUAGE sql SECURITY DEFINER
    AS $$ SELECT heartbeat_add_source('hidden', 'topic', brokers => 'kafka-1:9092') $$;
ALTER FUNCTION add_as_adder() OWNER TO regress_heartbeat_adder;
SELECT add_as_adder();
SELECT name, topic, brokers FROM shown WHERE name IN ('new', 'hidden');
-- heartbeat_sources shows kafka_config_file only to roles that may see the setting heartbeat.kafka_config_file
SELECT heartbeat_alter_source('new', kafka_config_file => '/etc/kafka/other.properties');
GRANT SELECT ON heartbeat_sources TO regress_heartbeat_adder;
SET ROLE regress_heartbeat_adder;
SELECT name, kafka_config_file FROM heartbeat_sources WHERE name = 'new';
-- A role without the right to set heartbeat.kafka_config_file cannot change the topic of a source with a kafka_config_file.
-- Otherwise this role could let the server read any topic with the credentials in this file.
SELECT heartbeat_alter_source('new', 'payroll');
SELECT heartbeat_alter_source('new', '', start_offset => 'latest');
SELECT heartbeat_alter_source('new', start_offset => 'latest');
RESET ROLE;
SELECT name, kafka_config_file FROM heartbeat_sources WHERE name = 'new';

-- all changes are transactional
BEGIN;
SELECT heartbeat_add_source('gone', 'topic');
SELECT heartbeat_drop_source('own');
ROLLBACK;
SELECT name FROM shown;

-- a pause of one source, and a pause of all sources; only heartbeat_resume() without a source ends the pause of all sources
CREATE VIEW held AS SELECT source, paused, reason FROM heartbeat_control ORDER BY source;
SELECT heartbeat_pause('broken sensor', 'own');
SELECT heartbeat_pause('all of it');
SELECT heartbeat_pause('none', 'none');
SELECT heartbeat_resume('none');
TABLE held;
SELECT heartbeat_resume('own');
TABLE held;
SELECT heartbeat_pause(source => 'own');
SELECT heartbeat_resume();
TABLE held;

-- heartbeat_drop_source() keeps the readings and dead letters of the source, and the audits show no difference
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, device_id)
    VALUES ('C', 70, '2026-11-22 14:39+00', 'left'), ('C', 71, '2026-11-22 14:39+00', 'right');
INSERT INTO heartbeat_offsets (source, topic, partition, next_offset, first_offset, messages, ignored, readings, records, dead_letters, conflicts)
    VALUES ('own', 'ward-7', 0, 5, 0, 1, 1, 2, 1, 3, 1), ('own', 'ward-7', 1, 1, 0, 1, 0, 1, 1, 0, 0);
INSERT INTO heartbeat_dead_letters (source, topic, partition, "offset", error_code, error_text)
    SELECT 'own', 'ward-7', 0, n, 'INVALID_JSON', 'x' FROM generate_series(1, 3) n;
INSERT INTO heartbeat_dead_letters (source, topic, partition, "offset", error_code, error_text, readings)
    VALUES ('own', 'ward-7', 0, 4, 'CONFLICT', 'x', '[]');
INSERT INTO heartbeat_gaps (source, topic, partition, from_offset, to_offset, reason) VALUES ('own', 'ward-7', 0, 7, 9, 'x');
SELECT * FROM heartbeat_audit();
SELECT * FROM heartbeat_audit_tables();
SELECT source, error_code, dead_letters FROM heartbeat_dead_letter_summary;
SELECT heartbeat_pause(source => 'own');
SELECT heartbeat_drop_source('own');
SELECT count(*) FROM heartbeat_audit();
SELECT * FROM heartbeat_audit_tables();
SELECT (SELECT count(*) FROM heartbeat_gaps) AS gaps, (SELECT count(*) FROM heartbeat_control WHERE source = 'own') AS pauses,
       (SELECT count(*) FROM heartbeat_dead_letters) AS letters;
SELECT metric, value FROM vw_pipeline_summary WHERE metric IN ('total_records', 'dead_letters', 'conflicts');
DELETE FROM heartbeat_dead_letters WHERE "offset" IN (1, 4);
SELECT * FROM heartbeat_audit_tables();
-- a new source with the name of a dropped source gets a new source_id, and begins at the first offset
SELECT heartbeat_add_source('own', 'ward-7');
SELECT source_id > 1 AS new_number, revision FROM heartbeat_source_definitions WHERE name = 'own';
SELECT heartbeat_drop_source('own');
SELECT * FROM heartbeat_audit_tables();
TRUNCATE heartbeat_dead_letters;
SELECT * FROM heartbeat_audit_tables() WHERE difference <> 0;

-- The source named default can be dropped and added again. If the dump in a restore has a row for this source, that row replaces
-- the row that CREATE EXTENSION has inserted.
SELECT heartbeat_drop_source('default');
SELECT name FROM shown;
SELECT heartbeat_alter_source('default', 'topic');
SELECT name, dropped_at IS NOT NULL AS dropped, revision FROM heartbeat_source_definitions WHERE name = 'default';
SELECT heartbeat_add_source('default', NULL);
SELECT name, topic, start_offset, offset_reset FROM shown WHERE name = 'default';
SELECT source_id, dropped_at IS NOT NULL AS dropped, start_offset, offset_reset FROM heartbeat_source_definitions WHERE name = 'default';
SET session_replication_role = replica;
COPY heartbeat_source_definitions (name, source_id, revision, dropped_at) FROM stdin;
default	0	9	2026-11-29 00:00:00+00
\.
RESET session_replication_role;
SELECT name, revision, dropped_at FROM heartbeat_source_definitions WHERE name = 'default';
SELECT extcondition[array_position(extconfig, 'heartbeat_source_definitions'::regclass::oid)] FROM pg_extension WHERE extname = 'heartbeat';

-- the events that these changes have recorded
SELECT kind, details FROM heartbeat_events WHERE kind LIKE '%source' OR kind IN ('pause', 'resume') ORDER BY id;

DROP OWNED BY regress_heartbeat_adder;
DROP ROLE regress_heartbeat_nobody, regress_heartbeat_adder;
DROP VIEW held, shown;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
