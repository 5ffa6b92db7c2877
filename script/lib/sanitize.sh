# shellcheck shell=bash
# shellcheck disable=SC2154 # script/test sets bindir, pg_config and cores, server_begin sets scratch
# Sourced: the stage `sanitize`. The whole extension in a real server, built with the address and undefined-behaviour
# sanitizers, and again with the thread sanitizer. Each of these servers is a copy below the scratch folder, so the
# installed one keeps the ordinary build. A finding ends its process, and Heartbeat::Cluster's assert_no_crash looks for
# the report too.

# sanitize_install NAME SANITIZERS SYMBOL: $sanitized is a server with the extension, which uses that symbol then.
# The server finds its folders from where its program lies, so a copy of them is a server of its own.
sanitize_install() {
    local sanitizers=$2 symbol=$3
    local copy=$PWD/build/sanitize-$1 folder
    sanitized=$scratch/sanitized-$1
    mkdir -p "$copy"
    git ls-files --cached --others --exclude-standard -- Makefile heartbeat.control sql src | tar -c -T - | tar -x -C "$copy"
    make -C "$copy" -j "$cores" WERROR=1 SANITIZE="$sanitizers" PG_CONFIG="$pg_config"
    for folder in "$bindir" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
        mkdir -p "$sanitized$folder"
        cp -a "$folder/." "$sanitized$folder/"
    done
    make -C "$copy" install SANITIZE="$sanitizers" PG_CONFIG="$pg_config" DESTDIR="$sanitized"
    grep -q "$symbol" "$sanitized$("$pg_config" --pkglibdir)/heartbeat.so" # it is not the ordinary one
}

# sanitize_preload NAME: what has to be in the process first. That is the sanitizer's library, and libstdc++ with it, or
# it does not find what throws. With a sanitizer in the process, some of the server's libraries leave glibc's lock on
# translations broken while they are loaded, and bindtextdomain() then waits for ever; the tests need no translation.
sanitize_preload() {
    g++ -shared -fPIC -o "$sanitized/no_translation.so" -x c++ - <<'CODE'
extern "C" char *bindtextdomain(const char *, const char *folder) { return const_cast<char *>(folder); }
CODE
    echo "$(g++ -print-file-name="lib$1.so") $(g++ -print-file-name=libstdc++.so.6) $sanitized/no_translation.so"
}

# The server never frees what it ends with, so leaks are not looked for here. Its error handling jumps between stack
# frames, which the sanitizer knows, but not when it keeps frames elsewhere. What is freed is overwritten, since the
# server's own accesses are not watched.
sanitize_wrap_address() {
    local program=$sanitized$bindir/postgres
    mv "$program" "$program-sanitized"
    cat > "$program" <<PROGRAM
#!/bin/sh
export LD_PRELOAD='$(sanitize_preload asan)'
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1:strict_string_checks=1:max_free_fill_size=65536
export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
exec '$program-sanitized' "\$@"
PROGRAM
    chmod 755 "$program"
}

# The worker's own threads are watched, and jansson's calls from there. The server and librdkafka are not instrumented:
# what they do between themselves is not looked at. librdkafka starts its threads as C11 does, which the sanitizer does
# not know. It also wants its addresses where newer kernels put a program, unless they are told not to.
sanitize_wrap_thread() {
    local program=$sanitized$bindir/postgres
    mv "$program" "$program-sanitized"
    g++ -std=c++20 -shared -fPIC -o "$sanitized/c11_threads.so" test/unit/c11_threads.cpp
    cp test/unit/threads.supp "$sanitized/"
    cat > "$program" <<PROGRAM
#!/bin/sh
export TSAN_OPTIONS='ignore_noninstrumented_modules=1 halt_on_error=1 abort_on_error=1 suppressions=$sanitized/threads.supp'
exec setarch -R env LD_PRELOAD='$(sanitize_preload tsan) $sanitized/c11_threads.so' \\
    '$program-sanitized' "\$@"
PROGRAM
    chmod 755 "$program"
}

# sanitize_prove LOGS FILE...
sanitize_prove() {
    local failed=0 logs=$1
    shift
    bindir=$sanitized$bindir perl_prove "${TEST_JOBS:-$cores}" "$@" || failed=1
    rm -rf "$logs"
    cp -R "$scratch/tap/tmp_check/log" "$logs"
    if grep -rE ': runtime error: |Sanitizer: ' "$logs"; then failed=1; fi # also while a server ended
    return $failed
}

stage_sanitize() {
    make -j "$cores" -C generator WERROR=1
    perl_prepare
    local failed=0
    sanitize_install address address,undefined __asan_report_load
    sanitize_wrap_address
    # shellcheck disable=SC2086 # words are wanted
    sanitize_prove build/sanitize-logs \
        ${SANITIZE_TESTS:-test/t/005_dead_letters.t test/t/008_reload.t test/t/036_everything.t test/attack/115_reentry.t} || failed=1
    sanitize_install thread thread __tsan_read8
    sanitize_wrap_thread
    # shellcheck disable=SC2086 # words are wanted
    THREADS_MESSAGES=${THREADS_MESSAGES:-20000} sanitize_prove build/sanitize-thread-logs \
        ${SANITIZE_THREAD_TESTS:-test/attack/110_threads.t} || failed=1
    return $failed
}
count_sanitize() { count_prove "$1"; }
