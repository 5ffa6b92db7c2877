-- All metrics of heartbeat in the Prometheus text format, for example for the textfile collector of the node exporter:
--     psql -XAtq -d heartbeat -f metrics.sql > heartbeat.prom.new && mv heartbeat.prom.new heartbeat.prom
SELECT CASE WHEN row_number() OVER (PARTITION BY family ORDER BY position) = 1
            THEN format(E'# HELP %1$s %2$s\n# TYPE %1$s %3$s\n', family, help, type) ELSE '' END
       || name
       || coalesce((SELECT '{' || string_agg(format('%s="%s"', key, replace(replace(replace(value, '\', '\\'), '"', '\"'),
                                                                          E'\n', '\n')), ',' ORDER BY key) || '}'
                    FROM jsonb_each_text(labels)), '')
       || ' ' || value
FROM (SELECT *, row_number() OVER () AS position FROM heartbeat_metrics) m
ORDER BY position;
