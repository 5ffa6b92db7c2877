-- Tests heartbeat_upgrade_keys() with weeks that a person has divided while the database had version 1.x.
BEGIN;
SELECT plan(5);
SET LOCAL timezone = 'UTC';
SET LOCAL client_min_messages = error;

CREATE FUNCTION pg_temp.keys() RETURNS TABLE (keyed text, key text) LANGUAGE sql AS $$
    SELECT c.relname, substring(pg_get_constraintdef(k.oid) FROM '\((.*)\)')
    FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.contype = 'p' AND c.relname ~ '^(week|heartbeat_records_2001)' $$;

-- The week itself has the key, and its parts inherit the key.
CREATE TABLE week_1 PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-01') TO ('2001-01-08') PARTITION BY HASH (customer_id);
ALTER TABLE week_1 ADD PRIMARY KEY (customer_id, event_timestamp);
CREATE TABLE week_1_part PARTITION OF week_1 FOR VALUES WITH (MODULUS 1, REMAINDER 0);
-- The parts have keys of their own, and their bounds are not times.
CREATE TABLE week_2 PARTITION OF heartbeat_records FOR VALUES FROM ('2001-01-08') TO ('2001-01-15') PARTITION BY RANGE (customer_id);
CREATE TABLE week_2_part PARTITION OF week_2 FOR VALUES FROM ('A') TO ('M');
ALTER TABLE week_2_part ADD PRIMARY KEY (customer_id, event_timestamp);
SELECT heartbeat_make_partitions('2001-01-15', '2001-01-15');
ALTER TABLE heartbeat_records_2001w03 DROP CONSTRAINT heartbeat_records_2001w03_pkey, ADD PRIMARY KEY (customer_id, event_timestamp);
INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('A', 70, '2001-01-01'), ('A', 70, '2001-01-08'), ('A', 70, '2001-01-15');

SELECT results_eq('SELECT week, table_partition::text FROM heartbeat_upgrade_keys(1)', $$VALUES ('2001-01-01'::timestamptz, 'week_1')$$,
                  'the key of a divided week is upgraded');
SELECT results_eq('SELECT week, table_partition::text FROM heartbeat_upgrade_keys()',
                  $$VALUES ('2001-01-08'::timestamptz, 'week_2_part'), ('2001-01-15', 'heartbeat_records_2001w03')$$,
                  'the keys of a week''s parts are upgraded, and then the next week');
SELECT set_eq('SELECT keyed, key FROM pg_temp.keys()',
              $$VALUES ('week_1', 'customer_id, event_timestamp, device_id'), ('week_1_part', 'customer_id, event_timestamp, device_id'),
                       ('week_2_part', 'customer_id, event_timestamp, device_id'),
                       ('heartbeat_records_2001w03', 'customer_id, event_timestamp, device_id')$$, 'all parts have the new key');

-- A person has given all weeks one key. The function cannot replace this key, but upgrades the other table.
DO $$
DECLARE
    one record;
BEGIN
    FOR one IN SELECT k.conrelid::regclass AS keyed, k.conname FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid,
                      pg_partition_tree('heartbeat_records') p
               WHERE p.relid = c.oid AND k.contype = 'p' AND k.conparentid = 0 LOOP
        EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', one.keyed, one.conname);
    END LOOP;
END
$$;
ALTER TABLE heartbeat_records ADD PRIMARY KEY (customer_id, event_timestamp);
ALTER TABLE heartbeat_anomalies_2001w03 DROP CONSTRAINT heartbeat_anomalies_2001w03_pkey, ADD PRIMARY KEY (customer_id, event_timestamp);
SELECT results_eq('SELECT table_partition::text FROM heartbeat_upgrade_keys()', $$VALUES ('heartbeat_anomalies_2001w03')$$,
                  'a week that inherits its key is skipped');
SELECT is((SELECT count(*) FROM pg_temp.keys() WHERE key <> 'customer_id, event_timestamp'), 0::bigint, 'its key has not changed');

SELECT * FROM finish();
ROLLBACK;
