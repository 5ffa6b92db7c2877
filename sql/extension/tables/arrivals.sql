--
-- Arrivals, for silence rules
--

-- The table has no index: ingest appends to it, and the maintenance worker moves its rows to heartbeat_customers within seconds.
CREATE TABLE heartbeat_arrivals (
    customer_id text COLLATE "C" NOT NULL,
    heard_until timestamptz NOT NULL
);
ALTER TABLE heartbeat_arrivals REPLICA IDENTITY FULL;
COMMENT ON TABLE heartbeat_arrivals IS
    'Customers whose readings ingest has stored. The maintenance worker moves these rows to heartbeat_customers. Ingest adds a '
    'customer again if a reading arrives after the time heard_until in the customer''s previous row.';
COMMENT ON COLUMN heartbeat_arrivals.customer_id IS 'The measured customer.';
COMMENT ON COLUMN heartbeat_arrivals.heard_until IS 'The time until which the customer counts as heard: shortly after the arrival.';
