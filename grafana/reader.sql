-- The role that Grafana's panels read with: psql -d DATABASE -f grafana/reader.sql, by the extension's owner, and then
-- \password grafana_reader. It has the rights of a reader (docs/security.md, Rights), sees single readings besides, and cannot write.

CREATE ROLE grafana_reader LOGIN;

GRANT SELECT ON vw_pipeline_summary, vw_customer_bpm_summary, vw_recent_anomalies, heartbeat_status,
    heartbeat_partitions, heartbeat_dead_letter_summary, heartbeat_metrics, heartbeat_events,
    heartbeat_maintenance TO grafana_reader;
GRANT EXECUTE ON FUNCTION heartbeat_state(), heartbeat_partition_states(), heartbeat_batch_times(), heartbeat_audit(),
    heartbeat_announcements_dropped(), heartbeat_maintenance_duties(), heartbeat_summarize_minute(timestamptz) TO grafana_reader;
GRANT SELECT ON heartbeat_records, heartbeat_anomalies, heartbeat_alerts TO grafana_reader;

-- A query that somebody types into a panel does not write, and ends after 30 seconds, unless it sets these itself: they are what
-- a session begins with, and no limit. The role has no right to write all the same.
ALTER ROLE grafana_reader SET default_transaction_read_only = on;
ALTER ROLE grafana_reader SET statement_timeout = '30s';
