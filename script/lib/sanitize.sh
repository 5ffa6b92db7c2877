# shellcheck shell=bash
# shellcheck disable=SC2154 # script/test sets bindir, pg_config and cores, server_begin sets scratch
# script/test loads this file for the stage `sanitize`. The stage tests the whole extension in a real server: first a build with
# the address and undefined-behavior sanitizers, then a build with the thread sanitizer. Each build runs in a copy of the server
# below the scratch folder, so the installed server keeps the ordinary build. If a sanitizer finds an error in a process, the
# sanitizer ends the process. assert_no_crash of Heartbeat::Cluster also searches for the sanitizer's report.

# sanitize_install NAME SANITIZERS SYMBOL: makes a server with the extension in $sanitized, and checks that the extension
# uses this SYMBOL of the sanitizer. A server finds its folders relative to its program, so a copy of the folders is a
# separate server.
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
    grep -q "$symbol" "$sanitized$("$pg_config" --pkglibdir)/heartbeat.so" # fails if this is the ordinary build
}

# sanitize_preload NAME: prints the libraries that the process must load first. The first library is the sanitizer's library. The
# second library is libstdc++, because otherwise the sanitizer does not find libstdc++'s function for `throw`. In a server with a
# sanitizer, some loaded libraries damage glibc's lock on translations, and bindtextdomain() then never returns. So a third
# library replaces bindtextdomain(). The tests need no translation.
sanitize_preload() {
    g++ -shared -fPIC -o "$sanitized/no_translation.so" -x c++ - <<'CODE'
extern "C" char *bindtextdomain(const char *, const char *folder) { return const_cast<char *>(folder); }
CODE
    echo "$(g++ -print-file-name="lib$1.so") $(g++ -print-file-name=libstdc++.so.6) $sanitized/no_translation.so"
}

# detect_leaks is 0, because the server does not free its memory when it ends. detect_stack_use_after_return is 0: with the value 1
# the sanitizer keeps stack frames on the heap, and then does not support the jumps of the server's error handling. The sanitizer
# does not check the memory accesses of the server's own code. So max_free_fill_size makes the sanitizer overwrite freed memory: if
# the server reads this memory, the server fails.
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

# The sanitizer checks the worker's own threads, and the calls of jansson in these threads. The server and librdkafka are not
# instrumented, so the sanitizer does not check them. The sanitizer does not support the C11 threads that librdkafka starts, so
# c11_threads.cpp replaces these threads. Newer kernels load programs at addresses that the sanitizer needs for itself. With
# `setarch -R` the kernel does not use these addresses.
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

# sanitize_prove LOGS FILE...: runs the test files, keeps their logs in LOGS, and fails if a log has a sanitizer's report.
sanitize_prove() {
    local failed=0 logs=$1
    shift
    bindir=$sanitized$bindir perl_prove "${TEST_JOBS:-$cores}" "$@" || failed=1
    rm -rf "$logs"
    cp -R "$scratch/tap/tmp_check/log" "$logs"
    if grep -rE ': runtime error: |Sanitizer: ' "$logs"; then failed=1; fi # a server can also write a report while it stops
    return $failed
}

stage_sanitize() {
    make -j "$cores" -C generator WERROR=1
    perl_prepare
    local failed=0
    sanitize_install address address,undefined __asan_report_load
    sanitize_wrap_address
    # shellcheck disable=SC2086 # the shell must split the words
    sanitize_prove build/sanitize-logs \
        ${SANITIZE_TESTS:-test/t/005_dead_letters.t test/t/008_reload.t test/t/036_everything.t test/attack/115_reentry.t} || failed=1
    sanitize_install thread thread __tsan_read8
    sanitize_wrap_thread
    # shellcheck disable=SC2086 # the shell must split the words
    THREADS_MESSAGES=${THREADS_MESSAGES:-20000} sanitize_prove build/sanitize-thread-logs \
        ${SANITIZE_THREAD_TESTS:-test/attack/110_threads.t} || failed=1
    return $failed
}
count_sanitize() { count_prove "$1"; }
