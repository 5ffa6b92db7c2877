--
-- The default partitions. They have B-tree indexes on the time and no BRIN indexes: a BRIN index is useless for readings of any
-- time in any order.
--

CREATE TABLE heartbeat_records_default PARTITION OF heartbeat_records DEFAULT;
CREATE TABLE heartbeat_anomalies_default PARTITION OF heartbeat_anomalies DEFAULT;
CREATE TABLE heartbeat_rollup_default PARTITION OF heartbeat_rollup DEFAULT;
ALTER TABLE heartbeat_records_default ADD PRIMARY KEY (customer_id, event_timestamp, device_id);
CREATE INDEX ON heartbeat_records_default (event_timestamp);
ALTER TABLE heartbeat_anomalies_default ADD PRIMARY KEY (customer_id, event_timestamp, device_id);
CREATE INDEX ON heartbeat_anomalies_default (event_timestamp);
-- an index for anomalies whose event_timestamp is after their arrival
CREATE INDEX ON heartbeat_anomalies_default (ingested_at) WHERE event_timestamp > ingested_at;
ALTER TABLE heartbeat_rollup_default ADD PRIMARY KEY (minute_bucket, customer_id);
ALTER TABLE heartbeat_records_default REPLICA IDENTITY FULL; -- the parents have the same replica identity
ALTER TABLE heartbeat_anomalies_default REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_rollup_default REPLICA IDENTITY FULL;
COMMENT ON TABLE heartbeat_records_default IS
    'Normal readings whose week has no table partition: the clock of the device is wrong by far, or the reading is very late.';
COMMENT ON TABLE heartbeat_anomalies_default IS
    'Anomalies whose week has no table partition: the clock of the device is wrong by far, or the reading is very late.';
COMMENT ON TABLE heartbeat_rollup_default IS 'Rollup of minutes whose week has no table partition.';
