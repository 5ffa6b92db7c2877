--
-- The rollup for vw_customer_bpm_summary, in three tables. An ingest worker sums the heart rates of a batch by customer and
-- minute. It inserts each sum into heartbeat_rollup_pending. If a batch would need many sums for one minute, the worker can mark
-- the minute instead: it inserts only the minute, into heartbeat_stale_minutes. The maintenance worker adds the sums to
-- heartbeat_rollup, and computes each marked minute again from the readings. A transaction that stores readings also stores their
-- sums and marks, and the maintenance worker removes only the sums and marks that its snapshot sees. So the view is exact in every
-- snapshot.
--

CREATE TABLE heartbeat_rollup (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    sum_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
) PARTITION BY RANGE (minute_bucket);
ALTER TABLE heartbeat_rollup REPLICA IDENTITY FULL; -- readings.sql explains the identity FULL
COMMENT ON TABLE heartbeat_rollup IS
    'Normal readings by customer and minute. The table lacks the sums in heartbeat_rollup_pending, and is not valid for minutes in '
    'heartbeat_stale_minutes. Query vw_customer_bpm_summary instead, which is always exact.';
COMMENT ON COLUMN heartbeat_rollup.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_rollup.sum_bpm IS 'Sum of the minute''s normal readings, in beats per minute.';
COMMENT ON COLUMN heartbeat_rollup.reading_count IS 'Number of normal readings of the minute.';

-- The table needs no index: ingest only appends rows, and each query reads the whole table, which is small.
CREATE TABLE heartbeat_rollup_pending (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    sum_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
);
COMMENT ON TABLE heartbeat_rollup_pending IS
    'Sums, by customer and minute, of new readings that heartbeat_rollup does not have yet. One customer and minute can have '
    'several rows.';
COMMENT ON COLUMN heartbeat_rollup_pending.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_rollup_pending.sum_bpm IS 'Sum of the normal readings, in beats per minute.';
COMMENT ON COLUMN heartbeat_rollup_pending.reading_count IS
    'Number of normal readings. 0: the row only adds the customer to the number of customers.';

CREATE TABLE heartbeat_stale_minutes (
    minute_bucket timestamptz NOT NULL,
    marked_at     timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON heartbeat_stale_minutes (minute_bucket);
COMMENT ON TABLE heartbeat_stale_minutes IS
    'Minutes whose rollup the maintenance worker must rebuild from the readings. A minute can be here more than once.';
COMMENT ON COLUMN heartbeat_stale_minutes.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_stale_minutes.marked_at IS 'Start of the transaction that stored or changed the readings.';

-- heartbeat_rollup_pending and heartbeat_stale_minutes have no key. Without REPLICA IDENTITY FULL, PostgreSQL would refuse UPDATE
-- and DELETE on these tables while a publication FOR ALL TABLES exists. So the rollup would fail while logical replication moves
-- the database to another server.
ALTER TABLE heartbeat_rollup_pending REPLICA IDENTITY FULL;
ALTER TABLE heartbeat_stale_minutes REPLICA IDENTITY FULL;

CREATE TABLE heartbeat_customers (
    customer_id text COLLATE "C" PRIMARY KEY,
    heard_until timestamptz,
    source      text COLLATE "C"
) WITH (fillfactor = 80); -- room for in-page updates
COMMENT ON TABLE heartbeat_customers IS 'All customers with a normal reading or an anomaly that the rollup has counted.';
COMMENT ON COLUMN heartbeat_customers.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_customers.heard_until IS
    'A silence rule measures the silence of the customer from this time, by the server''s clock. The time is up to a minute '
    'after a reading arrived. NULL: no reading has arrived since the update to version 1.2.';
COMMENT ON COLUMN heartbeat_customers.source IS
    'Name of the source from which the last reading of the customer arrived. A silence rule examines the customer only while this '
    'source is RUNNING; if the source was dropped, only while all sources are RUNNING. NULL: no reading has arrived from a source, for '
    'example if heartbeat_replay() stored the readings.';

CREATE TABLE heartbeat_customers_total (
    customers bigint NOT NULL
);
COMMENT ON TABLE heartbeat_customers_total IS
    'The sum of the column customers is the number of rows of heartbeat_customers. So no query needs to count the rows of '
    'heartbeat_customers.';
COMMENT ON COLUMN heartbeat_customers_total.customers IS 'Number of customers to add.';
ALTER TABLE heartbeat_customers_total REPLICA IDENTITY FULL;
