--
-- An update has created the functions again, with their dependencies. Removes these while the tables are distributed.
--

SELECT heartbeat_record_all_calls(false) WHERE heartbeat_is_distributed();
