--
-- Readings. Only the table partitions have keys and indexes. If the parents had a primary key, the restore of a dump would fail.
-- The restore creates each weekly table partition as a separate table with its own primary key. Then it attaches this table to the
-- parent that CREATE EXTENSION has created. The table would get a second primary key from its parent, which PostgreSQL refuses.
--

CREATE TABLE heartbeat_records (
    id              bigserial NOT NULL,
    customer_id     text COLLATE "C" NOT NULL,
    heart_rate      double precision NOT NULL,
    event_timestamp timestamptz NOT NULL,
    ingested_at     timestamptz NOT NULL DEFAULT now(),
    device_id       text COLLATE "C" NOT NULL DEFAULT '',
    CONSTRAINT heartbeat_records_normal CHECK (heart_rate >= 40 AND heart_rate <= 180)
) PARTITION BY RANGE (event_timestamp);
ALTER SEQUENCE heartbeat_records_id_seq CACHE 32; -- without CACHE, each number of the sequence would cost as much time as its row
COMMENT ON TABLE heartbeat_records IS
    'Normal readings, one row for each (customer_id, event_timestamp, device_id), in weekly table partitions.';
COMMENT ON COLUMN heartbeat_records.id IS 'Number of the row. The numbers have gaps.';
COMMENT ON COLUMN heartbeat_records.customer_id IS 'The measured customer: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_records.heart_rate IS 'Beats per minute, exactly as published, 40 to 180.';
COMMENT ON COLUMN heartbeat_records.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_records.ingested_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_records.device_id IS 'The measuring device; empty if the message names none.';

CREATE TABLE heartbeat_anomalies (
    id              bigserial NOT NULL,
    customer_id     text COLLATE "C" NOT NULL,
    heart_rate      double precision NOT NULL,
    event_timestamp timestamptz NOT NULL,
    ingested_at     timestamptz NOT NULL DEFAULT now(),
    anomaly_type    text COLLATE "C" NOT NULL,
    device_id       text COLLATE "C" NOT NULL DEFAULT '',
    CONSTRAINT heartbeat_anomalies_classified CHECK (anomaly_type =
        CASE WHEN heart_rate <= 0 OR heart_rate > 300 THEN 'INVALID'
             WHEN heart_rate < 40 THEN 'BRADYCARDIA'
             WHEN heart_rate > 180 THEN 'TACHYCARDIA' END
        AND (heart_rate < 40 OR heart_rate > 180))
) PARTITION BY RANGE (event_timestamp);
ALTER SEQUENCE heartbeat_anomalies_id_seq CACHE 32;
COMMENT ON TABLE heartbeat_anomalies IS
    'Readings that are not normal, one row for each (customer_id, event_timestamp, device_id), in weekly table partitions.';
COMMENT ON COLUMN heartbeat_anomalies.id IS 'Number of the row. The numbers have gaps.';
COMMENT ON COLUMN heartbeat_anomalies.customer_id IS 'The measured customer: 1 to 256 characters.';
COMMENT ON COLUMN heartbeat_anomalies.heart_rate IS 'Beats per minute, exactly as published.';
COMMENT ON COLUMN heartbeat_anomalies.event_timestamp IS 'When the heart rate was measured, by the device''s clock.';
COMMENT ON COLUMN heartbeat_anomalies.ingested_at IS 'Start of the transaction that stored the row.';
COMMENT ON COLUMN heartbeat_anomalies.anomaly_type IS 'BRADYCARDIA, TACHYCARDIA or INVALID, by heartbeat_classify().';
COMMENT ON COLUMN heartbeat_anomalies.device_id IS 'The measuring device; empty if the message names none.';

-- A publication with publish_via_partition_root announces the replica identity of the parent. The default identity is the primary
-- key, and the parents have none. So a subscriber would stop when a reading is deleted, or moved to the table partition of its
-- week. So the parents have the identity FULL. A subscriber then expects all columns of a deleted row, so each table partition
-- also has the identity FULL. FULL makes PostgreSQL write additional WAL only for deletes and updates.
ALTER TABLE heartbeat_records REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_anomalies REPLICA IDENTITY FULL;
