-- The triggers on heartbeat_records. Citus allows none on distributed tables: heartbeat_undistribute() creates them later.
SELECT heartbeat_watch_changes('heartbeat_records'::regclass, 'heartbeat_mark_changed()'::regprocedure) WHERE NOT heartbeat_is_distributed();
SELECT heartbeat_release_trigger(watched) FROM heartbeat_watch_truncates('heartbeat_records'::regclass) watched;
