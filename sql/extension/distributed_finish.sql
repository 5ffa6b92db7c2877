--
-- An update has created the functions again, with their dependencies. If the tables are distributed, this file removes the
-- dependencies.
--

SELECT heartbeat_record_all_calls(false) WHERE heartbeat_is_distributed();
