-- Mappings and presets of sources: heartbeat_add_source() and heartbeat_alter_source() store valid mappings and refuse invalid mappings.
SET timezone = 'UTC';
SET client_min_messages = warning;
LOAD 'heartbeat';
\pset null '(null)'
\set SHOW_CONTEXT never
CREATE VIEW shown AS SELECT name, format, preset, mapping, revision FROM heartbeat_sources WHERE name <> 'default' ORDER BY name;

SELECT heartbeat_add_source('flat', 'vitals', '{"customer_id": "/id", "heart_rate": "/hr", "event_timestamp": {"at": "/t", "unit": "ms"}}');
SELECT heartbeat_add_source('garmin', 'push', preset => 'garmin-push', format => 'json');
TABLE shown;

-- an error names the wrong part and the legal values
SELECT heartbeat_add_source('new', 'topic', '{"customer_id": "/id", "heart_rate": "/hr"}');
SELECT heartbeat_add_source('new', 'topic', '{"customer_id": "/id", "heart_rate": "/hr", "event_timestamp": {"at": "/t", "unit": "minutes"}}');
SELECT heartbeat_add_source('new', 'topic', '[]');
SELECT heartbeat_add_source('new', 'topic', '{}', 'garmin-push');
SELECT heartbeat_add_source('new', 'topic', preset => 'garmin');
SELECT heartbeat_add_source('new', 'topic', preset => 'garmin-push', format => 'avro');
SELECT heartbeat_alter_source('flat', mapping => '{"customer_id": 7}');
SELECT heartbeat_alter_source('flat', mapping => '{}', preset => 'garmin-push');

-- a mapping replaces a preset, and a preset replaces a mapping
SELECT heartbeat_alter_source('flat', preset => 'fitbit-intraday');
SELECT heartbeat_alter_source('garmin', mapping => '{"customer_id": "key", "heart_rate": "/hr", "event_timestamp": "/t"}');
TABLE shown;
-- an empty text removes a preset, and the JSON value null removes a mapping: the messages then need heartbeat's own layout
SELECT heartbeat_alter_source('flat', preset => '');
SELECT heartbeat_alter_source('garmin', mapping => 'null', format => '');
TABLE shown;

DROP VIEW shown;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
