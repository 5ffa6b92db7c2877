# shellcheck shell=bash
# shellcheck disable=SC2154 # script/demo sets demo, topic and preset
# script/demo loads this file. These functions print the demo's output for a person.

bold='' red='' green='' yellow='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
fi

say() { echo "$bold==>$plain $1"; }

# Prints the worker's lines from the server's log as columns:
#   VALID    CUST-0007         74 bpm  2026-11-22T14:39:02.123456Z
show_lines() {
    local line type colour
    local reading='LOG: +(VALID|ANOMALY) (.*) ([^ ]+) bpm at ([^ ]+)( [A-Z]+)?$'
    local dead_letter='LOG: +DEAD LETTER (.*)$'
    while IFS= read -r line; do
        if [[ $line =~ $reading ]]; then
            type=${BASH_REMATCH[1]} colour=$green
            [ "$type" = VALID ] || colour=$red
            printf '%s%-8s%s %-12s %7s bpm  %s%s%s%s\n' "$colour" "$type" "$plain" "${BASH_REMATCH[2]//[[:cntrl:]]/?}" \
                "${BASH_REMATCH[3]}" "${BASH_REMATCH[4]}" "$colour" "${BASH_REMATCH[5]}" "$plain"
        elif [[ $line =~ $dead_letter ]]; then
            printf '%sDEAD LETTER%s %s\n' "$yellow" "$plain" "${BASH_REMATCH[1]}"
        fi
    done
}

show_begin() {
    started_at=$(demo_sql -At -c 'SELECT pg_postmaster_start_time()')
    say "readings, as they are stored${seconds:+, for $seconds s} (Ctrl-C stops); from another terminal: script/demo --psql"
    exec 8< <(exec tail -n +1 -f --pid=$$ "$demo/server.log" 2> /dev/null 9>&-)
    tail_pid=$!
    show_lines <&8 9>&- &
    show_pid=$!
    exec 8<&-
}

show_end() {
    [ -n "${tail_pid:-}" ] || return 0
    kill "$tail_pid" 2>/dev/null || true
    wait "$show_pid" 2>/dev/null || true
    tail_pid=''
}

show_summary() {
    echo
    say "summary"
    demo_sql -P pager=off -P footer=off <<'SQL'
BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;
\pset title 'vw_pipeline_summary'
SELECT * FROM vw_pipeline_summary;
\pset title 'heartbeat_anomalies by type'
SELECT anomaly_type, count(*), min(heart_rate) AS lowest, max(heart_rate) AS highest
FROM heartbeat_anomalies GROUP BY anomaly_type ORDER BY anomaly_type;
\pset title 'heartbeat_status'
SELECT state, date_trunc('second', since) AS since, workers, round(messages_per_second::numeric, 1) AS messages_per_second, lag_messages
FROM heartbeat_status;
\pset title 'heartbeat_source_status'
SELECT source, topic, state, round(messages_per_second::numeric, 1) AS messages_per_second, lag_messages FROM heartbeat_source_status ORDER BY source;
\pset title 'heartbeat_audit(): exactly once, where the difference is 0'
SELECT * FROM heartbeat_audit();
COMMIT;
SQL
}

# Checks that this run has stored readings, and that no reading was lost or stored twice.
check_result() {
    local stored different
    stored=$(demo_sql -At -v since="$started_at" <<'SQL'
SELECT (SELECT count(*) FROM heartbeat_records WHERE ingested_at >= :'since') +
       (SELECT count(*) FROM heartbeat_anomalies WHERE ingested_at >= :'since')
SQL
    )
    different=$(demo_sql -At -c 'SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0')
    [ "$stored" -gt 0 ] || fail "no reading was stored" "$demo/server.log"
    preset_has_readings || fail "no reading of $preset was stored" "$demo/server.log"
    [ "$different" = 0 ] || fail "heartbeat_audit() shows a difference" "$demo/server.log"
    say "this run stored $stored readings; the audit shows no difference"
}
