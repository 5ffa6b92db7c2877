-- Creates the role with which Grafana's panels read the database. As the extension's owner, run
-- psql -d DATABASE -f grafana/reader.sql, and then \password grafana_reader. The role has the rights of a reader
-- (docs/security.md, Rights), and can also read the tables of readings, anomalies and alerts. The role cannot write.

CREATE ROLE grafana_reader LOGIN;

GRANT SELECT ON vw_pipeline_summary, vw_customer_bpm_summary, vw_recent_anomalies, heartbeat_status, heartbeat_source_status, heartbeat_sources,
    heartbeat_partitions, heartbeat_dead_letter_summary, heartbeat_metrics, heartbeat_events,
    heartbeat_maintenance TO grafana_reader;
GRANT EXECUTE ON FUNCTION heartbeat_state(), heartbeat_source_states(), heartbeat_partition_states(), heartbeat_batch_times(),
    heartbeat_audit(), heartbeat_announcements_dropped(), heartbeat_maintenance_duties(), heartbeat_summarize_minute(timestamptz) TO grafana_reader;
GRANT SELECT ON heartbeat_records, heartbeat_anomalies, heartbeat_alerts TO grafana_reader;

-- By default a query in a panel is read-only and ends after 30 seconds. A query can change these two settings, because they are
-- only defaults of the session. But without the first setting the role still has no right to write.
ALTER ROLE grafana_reader SET default_transaction_read_only = on;
ALTER ROLE grafana_reader SET statement_timeout = '30s';
