#!/usr/bin/env bash
# Shows heartbeat's notifications when they arrive: examples/listen.sh -d DATABASE. It needs only psql. Ctrl-C ends it. First
# the script shows the state and the open alerts. For these two queries, a role needs the rights of a reader (docs/security.md,
# Rights) and SELECT on heartbeat_alerts. Without the queries, every role with the right to connect can listen.
set -euo pipefail
{
    cat << 'SQL'
LISTEN heartbeat_anomaly;
LISTEN heartbeat_state;
LISTEN heartbeat_alert;
SELECT state, since, reason FROM heartbeat_status;
SELECT rule, subject, source, raised_at, detail FROM heartbeat_alerts WHERE closed_at IS NULL ORDER BY raised_at;
\pset tuples_only on
\pset format unaligned
SQL
    # psql shows notifications only after it has run a statement. So each second the script sends a statement without output.
    while sleep 1; do echo 'SELECT WHERE false;'; done
} | psql -X -q -v ON_ERROR_STOP=1 "$@"
