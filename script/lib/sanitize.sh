# shellcheck shell=bash
# shellcheck disable=SC2154 # script/test sets bindir, pg_config and cores, server_begin sets scratch
# Sourced: the stage `sanitize`. The whole extension, built with the address and undefined-behaviour sanitizers, in a
# real server. That server is a copy below the scratch folder, so the installed one keeps the ordinary build. A finding
# ends its process, and Heartbeat::Cluster's assert_no_crash looks for the report too.

sanitizers=address,undefined

# The server finds its folders from where its program lies, so a copy of them is a server of its own.
sanitize_install() {
    local copy=$PWD/build/sanitize folder
    sanitized=$scratch/sanitized
    mkdir -p "$copy"
    git ls-files --cached --others --exclude-standard -- Makefile heartbeat.control sql src | tar -c -T - | tar -x -C "$copy"
    make -C "$copy" -j "$cores" WERROR=1 SANITIZE=$sanitizers PG_CONFIG="$pg_config"
    for folder in "$bindir" "$("$pg_config" --pkglibdir)" "$("$pg_config" --sharedir)"; do
        mkdir -p "$sanitized$folder"
        cp -a "$folder/." "$sanitized$folder/"
    done
    make -C "$copy" install SANITIZE=$sanitizers PG_CONFIG="$pg_config" DESTDIR="$sanitized"
    grep -q __asan_report_load "$sanitized$("$pg_config" --pkglibdir)/heartbeat.so" # it is not the ordinary one
}

# The sanitizer's library has to be in the process first; and libstdc++ with it, or it does not find what throws. The
# server never frees what it ends with, so leaks are not looked for here. Its error handling jumps between stack frames,
# which the sanitizer knows, but not when it keeps frames elsewhere. With it in the process, some of the server's
# libraries leave glibc's lock on translations broken while they are loaded, and bindtextdomain() then waits for ever;
# the tests need no translation.
sanitize_wrap_server() {
    local program=$sanitized$bindir/postgres
    mv "$program" "$program-sanitized"
    g++ -shared -fPIC -o "$sanitized/no_translation.so" -x c++ - <<'CODE'
extern "C" char *bindtextdomain(const char *, const char *folder) { return const_cast<char *>(folder); }
CODE
    cat > "$program" <<PROGRAM
#!/bin/sh
export LD_PRELOAD='$(g++ -print-file-name=libasan.so) $(g++ -print-file-name=libstdc++.so.6) $sanitized/no_translation.so'
export ASAN_OPTIONS=detect_leaks=0:detect_stack_use_after_return=0:abort_on_error=1:strict_string_checks=1
export UBSAN_OPTIONS=abort_on_error=1:print_stacktrace=1
exec '$program-sanitized' "\$@"
PROGRAM
    chmod 755 "$program"
}

stage_sanitize() {
    sanitize_install
    sanitize_wrap_server
    make -j "$cores" -C generator WERROR=1
    perl_prepare
    local failed=0
    # shellcheck disable=SC2086 # words are wanted
    bindir=$sanitized$bindir perl_run prove -j "${TEST_JOBS:-$cores}" --timer \
        ${SANITIZE_TESTS:-test/t/005_dead_letters.t test/t/008_reload.t test/t/036_everything.t} || failed=1
    rm -rf build/sanitize-logs
    cp -R "$scratch/tap/tmp_check/log" build/sanitize-logs
    if grep -rE ': runtime error: |Sanitizer: ' build/sanitize-logs; then failed=1; fi # also while a server ended
    return $failed
}
count_sanitize() { count_prove "$1"; }
