-- Creates the triggers on heartbeat_records. If other servers store the rows of heartbeat_records, neither statement creates a
-- trigger.
SELECT heartbeat_watch_changes('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure) WHERE NOT heartbeat_rows_elsewhere();
SELECT heartbeat_release_trigger(watched) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) watched;
