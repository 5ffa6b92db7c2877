--
-- The rollup behind vw_customer_bpm_summary. Ingest only notes which minutes it touched; a worker apart from ingest
-- turns them into rows here. A note and the readings it stands for commit together, and the notes that a rollup
-- removes are exactly those whose readings its snapshot saw, so the view is exact in every snapshot.
--

CREATE TABLE heartbeat_rollup (
    minute_bucket timestamptz NOT NULL,
    customer_id   text COLLATE "C" NOT NULL,
    avg_bpm       double precision NOT NULL,
    reading_count bigint NOT NULL
) PARTITION BY RANGE (minute_bucket);
COMMENT ON TABLE heartbeat_rollup IS
    'Normal readings by customer and minute, for minutes that are not in heartbeat_stale_minutes. '
    'Query vw_customer_bpm_summary, which is always exact, instead of this table.';
COMMENT ON COLUMN heartbeat_rollup.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_rollup.customer_id IS 'Who was measured.';
COMMENT ON COLUMN heartbeat_rollup.avg_bpm IS 'Mean of the minute''s normal readings, beats per minute.';
COMMENT ON COLUMN heartbeat_rollup.reading_count IS 'How many normal readings the minute has.';

CREATE TABLE heartbeat_stale_minutes (
    minute_bucket timestamptz NOT NULL,
    marked_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE heartbeat_stale_minutes IS
    'Minutes with readings that the rollup has not seen; a minute may stand here more than once.';
COMMENT ON COLUMN heartbeat_stale_minutes.minute_bucket IS 'Start of the minute.';
COMMENT ON COLUMN heartbeat_stale_minutes.marked_at IS 'Start of the transaction that stored the readings.';

CREATE TABLE heartbeat_customers (
    customer_id text COLLATE "C" PRIMARY KEY
);
COMMENT ON TABLE heartbeat_customers IS 'Customers that the rollup has seen, normal or not.';
COMMENT ON COLUMN heartbeat_customers.customer_id IS 'Who was measured.';
