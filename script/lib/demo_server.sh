# shellcheck shell=bash
# shellcheck disable=SC2154 # script/demo sets demo, bindir, brokers, topic, preset, preset_topic, generator and start_wait
# script/demo loads this file. These functions run the demo's private PostgreSQL server in .demo/data.
#
# PostgreSQL refuses to run as root. If root runs the script, the server runs as the user postgres. This user may have no right to
# enter the checkout (for example below /root). So the script opens the server's folder as file descriptor 7, and the server gets
# the folder /proc/self/fd/7. This name needs no rights on the folders above .demo/data, and every process of the server
# inherits the descriptor. A relative path would not be enough: before version 16, PostgreSQL leaves its current folder during the
# start, and then returns to this folder by the absolute path. For the absolute path the server needs rights on the folders above
# .demo/data. The server's socket is in .demo, and other users cannot enter .demo. The server listens on no port.

is_alive() { kill -0 "$1" 2>/dev/null; }

# end_process PID SIGNAL: ends a process that this run or an earlier run of the script has started.
end_process() {
    [ -n "$1" ] && is_alive "$1" || return 0
    kill -"$2" "$1" 2>/dev/null || return 0
    local deadline=$((SECONDS + 20))
    while is_alive "$1"; do
        if [ $SECONDS -ge $deadline ]; then
            kill -KILL "$1" 2>/dev/null || true
            deadline=$((SECONDS + 5))
        fi
        sleep 0.05 || true
    done
    wait "$1" 2>/dev/null || true
}

# Stops the processes of an earlier run that was killed.
stop_left_behind() {
    local pid=''
    [ ! -f "$demo/data/postmaster.pid" ] || read -r pid < "$demo/data/postmaster.pid" || true
    if [ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = "$demo/data" ]; then end_process "$pid" INT; fi
    [ -f "$demo/generator.pid" ] || return 0
    while read -r pid; do
        case "$(readlink "/proc/$pid/exe")" in
        "$generator" | "$generator (deleted)") end_process "$pid" TERM ;;
        esac
    done < "$demo/generator.pid"
}

readonly server_folder=/proc/self/fd/7

# Replaces this shell by a command that runs as the server's user. For the command, $server_folder is the name of the server's
# folder.
exec_as_server() {
    cd / || return
    exec 7< "$demo/data"
    if [ "$(id -u)" = 0 ]; then
        exec setsid setpriv --reuid=postgres --regid=postgres --init-groups "$@"
    else
        exec setsid "$@"
    fi
}

server_make() {
    if [ -f "$demo/made" ]; then
        local version
        version=$("$bindir/postgres" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
        [ "$(cat "$demo/data/PG_VERSION")" = "$version" ] ||
            fail "$demo was made by another version of PostgreSQL: rm -rf $demo"
        return
    fi
    rm -rf "$demo/data"
    mkdir -m 700 "$demo/data"
    chmod 700 "$demo"
    if [ "$(id -u)" = 0 ]; then
        id postgres > /dev/null 2>&1 || fail "the server cannot run as root, and there is no user postgres"
        chown postgres: "$demo" "$demo/data"
    fi
    (exec_as_server "$bindir/initdb" -D "$server_folder" -U postgres -A trust -N -E UTF8 --locale=C.UTF-8) \
        > "$demo/initdb.log" 2>&1 < /dev/null 9>&- || fail "initdb failed" "$demo/initdb.log"
    echo "include 'demo.conf'" >> "$demo/data/postgresql.conf"
    touch "$demo/made"
    say "made a private PostgreSQL in $demo"
}

server_configure() {
    cat > "$demo/data/demo.conf" <<SETTINGS
shared_preload_libraries = 'heartbeat'
listen_addresses = ''
port = 5432
unix_socket_directories = '..'
heartbeat.brokers = '$brokers'
heartbeat.topic = '$topic'
heartbeat.group_id = 'heartbeat-demo'
heartbeat.offset_reset = earliest
heartbeat.log_readings = on
SETTINGS
    chmod 644 "$demo/data/demo.conf"
}

server_start() {
    # exec_as_server uses setsid, so Ctrl-C interrupts only this script and not the server. The script then stops the server.
    (exec_as_server "$bindir/postgres" -D "$server_folder") > "$demo/server.log" 2>&1 < /dev/null 9>&- &
    server_pid=$!
    local deadline=$((SECONDS + start_wait))
    until demo_sql -c '' 2> /dev/null; do
        if ! is_alive "$server_pid" || [ $SECONDS -ge $deadline ]; then
            fail "the server did not start" "$demo/server.log"
        fi
        sleep 0.05
    done
}

server_stop() { end_process "${server_pid:-}" INT; }

create_extension() {
    demo_sql -c 'SET client_min_messages = warning' -c 'CREATE EXTENSION IF NOT EXISTS heartbeat' -c 'ALTER EXTENSION heartbeat UPDATE' ||
        fail "CREATE EXTENSION or ALTER EXTENSION failed" "$demo/server.log"
    if [ "$(demo_sql -At -c "SELECT count(*) FROM pg_roles WHERE rolname = 'heartbeat_owner'")" = 0 ]; then
        demo_sql -At -c 'CREATE ROLE heartbeat_owner' -c "SELECT heartbeat_set_owner('heartbeat_owner')" ||
            fail "heartbeat_set_owner() failed" "$demo/server.log"
    fi
}

# Drops the source of an earlier run, because the generator of that run has ended. Then adds the source of this run. The readings
# of the dropped source stay.
set_sources() {
    demo_sql -At -c "SELECT heartbeat_drop_source(name) FROM heartbeat_sources WHERE name <> 'default'" > /dev/null ||
        fail "heartbeat_drop_source() failed" "$demo/server.log"
    [ -n "$preset" ] || return 0
    local statement="SELECT heartbeat_add_source('$preset', '$preset_topic', preset => '$preset')"
    demo_sql -At -c "$statement" > /dev/null || fail "heartbeat_add_source() failed" "$demo/server.log"
    say "$statement"
}

# Succeeds if the user gave no preset, or if a reading of the preset's source is stored.
preset_has_readings() {
    [ -z "$preset" ] ||
        [ "$(demo_sql -At -c "SELECT coalesce(sum(records + anomalies), 0) > 0 FROM heartbeat_audit() WHERE source = '$preset'")" = t ]
}

demo_sql() { demo_psql -X -q "$@"; }

# The path of a socket has at most 107 bytes. If the path of the socket in .demo is longer, psql runs in .demo and finds the socket
# in /proc/self/cwd.
demo_psql() {
    local folder=. host=$demo
    if [ "$(printf %s "$demo" | wc -c)" -gt 90 ]; then folder=$demo host=/proc/self/cwd; fi
    (cd "$folder" && exec "$bindir/psql" -h "$host" -p 5432 -U postgres -d postgres -v ON_ERROR_STOP=1 "$@" 9>&-)
}
