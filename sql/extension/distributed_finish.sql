--
-- ALTER EXTENSION heartbeat UPDATE creates the extension's functions again, so PostgreSQL again records the dependencies between
-- these functions. If the tables are distributed, this statement removes the dependencies. During CREATE EXTENSION this statement
-- does nothing.
--

SELECT heartbeat_record_all_calls(false) WHERE heartbeat_is_distributed();
