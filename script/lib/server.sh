# shellcheck shell=bash
# shellcheck disable=SC2154 # script/test sets bindir, pg_config and cores
# Other scripts load this file. Its functions make a scratch folder, and a private PostgreSQL server for tests that need a
# server. PostgreSQL refuses to run as root. If root runs the script, the tests run as the user postgres. The tests use copies
# below the scratch folder, because this user may have no right to read the checkout.

server_begin() {
    scratch=$(mktemp -d "${TMPDIR:-/tmp}/heartbeat-test.XXXXXX")
    chmod 755 "$scratch"
    [ "$(id -u)" != 0 ] || chown postgres: "$scratch"
}

# Mounts a small file system at $scratch/small_disk, for tests of a full disk.
server_mount_small_disk() {
    [ ! -d "$scratch/small_disk" ] || return 0
    local user
    user=$(server_run id -u)
    mkdir "$scratch/small_disk"
    as_root mount -t tmpfs -o "size=64m,mode=0700,uid=$user" heartbeat-test "$scratch/small_disk"
}

# Stops the server that server_start has started, and removes the scratch folder. A second call does nothing.
server_end() {
    [ -n "${scratch:-}" ] || return 0
    if [ -f "$scratch/data/postmaster.pid" ]; then
        server_run "$bindir/pg_ctl" -D "$scratch/data" -m immediate -w stop > /dev/null
    fi
    [ ! -d "$scratch/small_disk" ] || as_root umount --lazy "$scratch/small_disk"
    cd / && rm -rf "$scratch"
    scratch=
}

# Runs a command in the scratch folder as a user who is not root.
server_run() {
    if [ "$(id -u)" = 0 ]; then
        (cd "$scratch" && setpriv --reuid=postgres --regid=postgres --init-groups \
            env "HOME=$scratch" "HEARTBEAT_CACHE=${HEARTBEAT_CACHE:-/var/cache/heartbeat}" "$@")
    else
        (cd "$scratch" && "$@")
    fi
}

# Starts a server that listens only on a socket in the scratch folder, so it needs no free port. The function sets PGHOST and
# similar variables.
server_start() {
    export PGHOST=$scratch PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
    [ ! -f "$scratch/data/postmaster.pid" ] || return 0
    server_run "$bindir/initdb" -D "$scratch/data" -A trust -U postgres -N -E UTF8 --locale=C.UTF-8
    server_run tee -a "$scratch/data/postgresql.conf" > /dev/null <<SETTINGS
shared_preload_libraries = 'heartbeat'
listen_addresses = ''
unix_socket_directories = '$scratch'
fsync = off
max_prepared_transactions = 10
SETTINGS
    server_run "$bindir/pg_ctl" -D "$scratch/data" -l "$scratch/server.log" -w start
}

# Succeeds if no process of the private server has crashed.
server_survived() {
    ! grep -E 'was terminated by signal|PANIC:|TRAP:' "$scratch/server.log"
}
