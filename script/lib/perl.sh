# shellcheck shell=bash
# shellcheck disable=SC2154 # the caller sets bindir and pg_config, server_begin sets scratch
# Other scripts load this file to run Perl programs. The programs use PostgreSQL's own test library and a real Kafka. The
# programs do not run as root, and they use the copies of the project's files that perl_prepare makes in $scratch/tap.

# Fetches the registry and the publisher for the tests of Avro, Protobuf and JSON Schema. Call this function before perl_prepare,
# because perl_prepare copies the publisher.
perl_fetch_formats() {
    test/registry/registry fetch
    test/formats/publisher fetch
}

perl_prepare() {
    make -C test/kafka WERROR=1
    test/kafka/kafka fetch
    timeout --verbose --kill-after=30 300 test/kafka/kafka archive || echo "The tests run without an archive of Kafka's classes." >&2
    rm -rf "$scratch/tap" && mkdir -p "$scratch/tap/test" "$scratch/tap/build"
    cp -R test/t test/attack test/citus test/formats test/kafka test/registry "$scratch/tap/test/"
    cp -R .env.example bench debian docker docker-compose.yml docs examples grafana sql CHANGELOG.md META.json.in Makefile README.md heartbeat.control "$scratch/tap/"
    cp -R build/test build/generator "$scratch/tap/build/"
    [ "$(id -u)" != 0 ] || chown -R postgres: "$scratch/tap"
}

# perl_run COMMAND...: runs the command in $scratch/tap.
perl_run() {
    local pgxs
    pgxs=$(dirname "$("$pg_config" --pgxs)")
    # shellcheck disable=SC2016 # the inner shell expands the variables
    server_run env PATH="$bindir:$PATH" LC_ALL=C.UTF-8 PERL5LIB="$pgxs/../test/perl" \
        TESTDIR="$scratch/tap" TESTDATADIR="$scratch/tap/tmp_check" TESTLOGDIR="$scratch/tap/tmp_check/log" \
        PG_TEST_PORT_DIR="$scratch/tap/ports" PG_REGRESS="$pgxs/../../src/test/regress/pg_regress" \
        HEARTBEAT_SMALL_DISK="$scratch/small_disk" \
        bash -c 'cd tap && exec "$@"' - "$@"
}

# The large tests: the tests with a cluster of several brokers, and the test of the compose setup
perl_large=('*/000_cluster.t' '*/062_compose.t' '*/064_brokers.t' '*/066_truncation.t' '*/081_leader_away.t')

# perl_prove JOBS FILE...: runs the large tests one after another, and then the other files, JOBS files at a time. Each large test
# needs much of the machine. Some large tests also fail if ingest stands still for too long.
perl_prove() {
    local jobs=$1 file failed=0 large=() small=()
    shift
    for file; do
        if perl_is_large "$file"; then large+=("$file"); else small+=("$file"); fi
    done
    [ ${#large[@]} = 0 ] || perl_prove_files 1 "${large[@]}" || failed=1
    [ ${#small[@]} = 0 ] || perl_prove_files "$jobs" "${small[@]}" || failed=1
    return $failed
}

perl_is_large() {
    local pattern
    for pattern in "${perl_large[@]}"; do
        # shellcheck disable=SC2053 # the right side is a pattern
        [[ $1 != $pattern ]] || return 0
    done
    return 1
}

# perl_prove_files JOBS FILE...: runs the test files, JOBS files at a time. Each file has a limit of twenty minutes. On two busy
# cores the slowest file needs only a quarter of this time. If a file needs more than twenty minutes, the program timeout ends the
# file. This file then counts as failed, and the other files continue. All files of one call together have a limit of seventy
# minutes: prove also waits for processes that a test file has left running, and without this limit prove could wait forever.
# 036_everything.t runs for EVERYTHING_SECONDS, so the function adds this time to both limits.
perl_prove_files() {
    local jobs=$1 longer=${EVERYTHING_SECONDS:-0}
    shift
    perl_run timeout --verbose --kill-after=60 $((4200 + longer)) prove -j "$jobs" --timer \
        --exec "timeout --verbose --kill-after=60 $((1200 + longer)) perl" "$@"
}
