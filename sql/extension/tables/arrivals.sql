--
-- Arrivals, for silence rules
--

-- The table has no index, because ingest only appends rows, and the maintenance worker moves the rows to heartbeat_customers
-- within seconds.
CREATE TABLE heartbeat_arrivals (
    customer_id text COLLATE "C" NOT NULL,
    heard_until timestamptz NOT NULL,
    source      text COLLATE "C" NOT NULL DEFAULT 'default'
);
ALTER TABLE heartbeat_arrivals REPLICA IDENTITY FULL;
COMMENT ON TABLE heartbeat_arrivals IS
    'One row for each arrival that ingest records. The maintenance worker moves the rows to heartbeat_customers. A worker adds '
    'another row for a customer and a source only if a reading arrives after the time heard_until in the previous row.';
COMMENT ON COLUMN heartbeat_arrivals.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_arrivals.heard_until IS
    'Until this time the worker adds no other row for the customer and the source: 2 to 60 seconds after the arrival.';
COMMENT ON COLUMN heartbeat_arrivals.source IS 'Name of the source of the reading, as in heartbeat_sources.';
