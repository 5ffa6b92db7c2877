--
-- ALTER EXTENSION heartbeat UPDATE creates the extension's functions again. Then PostgreSQL records again which functions
-- depend on which. If the tables are distributed, this statement removes these dependencies. After CREATE EXTENSION it does
-- nothing.
--

SELECT heartbeat_record_all_calls(false) WHERE heartbeat_is_distributed();
