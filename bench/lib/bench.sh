# shellcheck shell=bash
# shellcheck disable=SC2154 # server_begin sets scratch
# The commands under bench/ load this file. Its functions build the programs, and run the Perl program that measures the built
# programs.
#
# The comment at the top of a command is the text of --help. Then the command contains
#   . bench/lib/bench.sh; bench_help "$@"; bench_begin; bench_run NAME "$@"
# The Perl program NAME writes its files to the folder BENCH_OUT. Then bench_measure copies these files to build/bench.
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit
# shellcheck source=script/lib/packages.sh
. script/lib/packages.sh
# shellcheck source=script/lib/server.sh
. script/lib/server.sh
# shellcheck source=script/lib/perl.sh
. script/lib/perl.sh

bench_help() {
    case " $* " in
    *" --help "* | *" -h "*)
        sed -n '2,/^set/ { /^#/ s/^# \{0,1\}//p }' "bench/${0##*bench/}"
        exit
        ;;
    esac
}

# Installs the packages that all commands need, and makes the scratch folder.
bench_begin() {
    packages_install packages_to_run packages_to_run_kafka packages_to_test
    pg_config=${PG_CONFIG:-/usr/lib/postgresql/$(postgres_version)/bin/pg_config}
    bindir=$("$pg_config" --bindir)
    trap server_end EXIT
    server_begin
    BENCH_OUT=$scratch/tap/out
    BENCH_COMMIT=$(git describe --always --dirty 2>/dev/null || echo unknown)
    BENCH_RDKAFKA=$(pkg-config --modversion rdkafka)
    export BENCH_OUT BENCH_COMMIT BENCH_RDKAFKA
}

# bench_try COMMAND...: shows the output of the command only if the command fails.
bench_try() {
    "$@" > "$scratch/build.log" 2>&1 || {
        tail -20 "$scratch/build.log" >&2
        return 1
    }
}

bench_build() {
    make -j "$(nproc)" PG_CONFIG="$pg_config" && make -j "$(nproc)" -C generator && perl_prepare
}

bench_install() { as_root make install PG_CONFIG="$pg_config"; }

# bench_own_server FOLDER NAME: builds the extension from the sources in FOLDER, installs the extension in a new copy of
# PostgreSQL, and prints the folder of the copy. So several versions can run at the same time, and the system's server does not
# change. The copy works because the program postgres finds all other folders relative to its own folder. If the system's
# server already has the extension, the new build replaces the extension in the copy.
bench_own_server() {
    local folder root=$scratch/servers/$2
    for folder in "$(dirname "$bindir")" "$("$pg_config" --sharedir)"; do
        mkdir -p "$root$(dirname "$folder")"
        cp -R "$folder" "$root$folder"
    done
    # The command calls this function inside $(...). `set -e` has no effect there, so each make needs `|| return`.
    bench_try make -j "$(nproc)" -C "$1" PG_CONFIG="$pg_config" || return
    bench_try make -C "$1" install PG_CONFIG="$pg_config" DESTDIR="$root" || return
    echo "$root$(dirname "$bindir")"
}

# bench_measure PROGRAM ARGUMENT...: runs bench/PROGRAM.pl, and copies the program's files to build/bench.
bench_measure() {
    local program=$1 status=0
    shift
    perl_run perl "bench/$program.pl" "$@" || status=$?
    if [ "$status" != 0 ]; then tail -n 20 "$scratch"/tap/tmp_check/log/regress_log_* >&2 || true; fi
    if [ -d "$BENCH_OUT" ]; then
        mkdir -p build/bench
        cp -R "$BENCH_OUT/." build/bench/
    fi
    return "$status"
}

# bench_run PROGRAM ARGUMENT...: builds and installs the programs, and then calls bench_measure.
bench_run() {
    bench_try bench_build
    bench_try bench_install
    bench_measure "$@"
}
