# shellcheck shell=bash
# shellcheck disable=SC2154 # script/test sets bindir, pg_config and cores
# script/test loads this file for its stages. stage_NAME runs the checks, and fails if one of them fails. count_NAME reads the
# output of the stage and prints the numbers "passed failed". Stages run with `set -e`, in the top folder.

stage_build() {
    make -j "$cores" WERROR=1 PG_CONFIG="$pg_config"
    make -j "$cores" -C test/kafka WERROR=1
}
stage_generator() { make -j "$cores" -C generator WERROR=1; }

cpp_files() { git ls-files --cached --others --exclude-standard -- '*.cpp' '*.h'; }

stage_format() { cpp_files | xargs clang-format --dry-run -Werror; }

stage_tidy() {
    if [ ! build/tidy/venv/ready -nt script/lib/tidy.requirements ]; then
        python3 -m venv build/tidy/venv
        build/tidy/venv/bin/python -m pip install -q --disable-pip-version-check -r script/lib/tidy.requirements
        touch build/tidy/venv/ready
    fi
    TIDY_PASSED=$(cache_folder)/tidy
    export TIDY_PASSED
    mkdir -p "$TIDY_PASSED"
    find "$TIDY_PASSED" -type f -mtime +30 -delete
    # shellcheck disable=SC2046 # the shell must split the words
    cpp_files | grep '\.cpp$' | xargs -P "$cores" -I FILE script/lib/tidy FILE -std=c++20 -DHEARTBEAT_VERSION='""' \
        -Isrc -Igenerator -isystem "$("$pg_config" --includedir-server)" $(pkg-config --cflags rdkafka jansson simdjson zlib)
}

# Prints the headers of src/ that no build has compiled alone. If a .cpp file includes its own header first, and its object is newer
# than the file and all headers, then the build has shown that the header compiles alone.
headers_to_compile() {
    local headers header newest unit
    mapfile -t headers < <(cpp_files | grep '^src/.*\.h$')
    newest=${headers[0]}
    for header in "${headers[@]}"; do [ ! "$header" -nt "$newest" ] || newest=$header; done
    for header in "${headers[@]#src/}"; do
        unit=src/${header%.h}
        if [ ! "$unit.o" -nt "$newest" ] || [ ! "$unit.o" -nt "$unit.cpp" ] ||
            [ "$(grep -m 1 '^#include' "$unit.cpp")" != "#include \"$header\"" ]; then echo "$header"; fi
    done
}

# Checks the floors of src/: no floor includes a higher floor, no two units include each other, and each header compiles alone.
# Also checks these rules of CONTRIBUTING.md: each ereport() has an errcode, statements are raw strings, no exception leaves the pure
# folders, and no transaction of a worker sends a request to Kafka. Also checks the names of functions and files in the
# documents: each of these functions and files must exist.
stage_floors() {
    local failed=0
    script/lib/floors || failed=1
    script/lib/errcodes || failed=1
    script/lib/statements || failed=1
    script/lib/exceptions || failed=1
    script/lib/kafka_calls || failed=1
    script/lib/documents || failed=1
    # shellcheck disable=SC2046,SC2016 # the shell must split the words, and the inner shell expands the variables
    headers_to_compile | xargs -P "$cores" -I HEADER sh -c '
        header=$1
        shift
        echo "#include \"$header\"" | "$@" -x c++ - || { echo "$header does not compile alone"; exit 1; }
    ' - HEADER g++ -std=c++20 -fsyntax-only -Isrc -isystem "$("$pg_config" --includedir-server)" -Wno-register \
        $(pkg-config --cflags rdkafka jansson simdjson zlib) || failed=1
    return $failed
}

stage_shellcheck() {
    git ls-files --cached --others --exclude-standard | while read -r file; do
        case $file in
        *.sh) echo "$file" ;;
        *) [ ! -f "$file" ] || ! head -c 64 "$file" | head -1 | grep -aqE '^#!.*\b(ba)?sh\b' || echo "$file" ;;
        esac
    done | xargs shellcheck --external-sources
}

# Finds common misspellings in code, comments and documents. .codespellrc lists words that codespell must accept.
stage_spelling() {
    git ls-files -z --cached --others --exclude-standard | timeout 60 xargs -0 codespell
}

stage_unit() { timeout --verbose 1200 make -j "$cores" -C test/unit check WERROR=1; }
count_unit() {
    sed -n 's/^\[  PASSED  \] \([0-9]*\) tests\{0,1\}\.$/p \1/p; s/^\[  FAILED  \] \([0-9]*\) tests\{0,1\}, .*/f \1/p' "$1" |
        awk '$1 == "p" { p += $2 } $1 == "f" { f += $2 } END { print p + 0, f + 0 }'
}

install_extension() { # runs as root if only root may write to the server's folders
    make -j "$cores" WERROR=1 PG_CONFIG="$pg_config"
    if [ -w "$("$pg_config" --pkglibdir)" ] && [ -w "$("$pg_config" --sharedir)/extension" ]; then
        make install WERROR=1 PG_CONFIG="$pg_config"
    else
        as_root make install WERROR=1 PG_CONFIG="$pg_config"
    fi
}

stage_regress() {
    install_extension
    server_start
    local failed=0
    timeout --verbose 600 make installcheck PG_CONFIG="$pg_config" || failed=1
    [ ! -f regression.diffs ] || head -200 regression.diffs
    server_survived
    return $failed
}
# PostgreSQL 15 and older versions write "test name ... ok". Newer versions write "ok 1 - name".
count_regress() {
    awk '/^(test|     )? *[a-z0-9_]+ +\.\.\. ok/ || /^ok [0-9]+/ { p++ }
         /^(test|     )? *[a-z0-9_]+ +\.\.\. FAILED/ || /^not ok [0-9]+/ { f++ } END { print p + 0, f + 0 }' "$1"
}

stage_pgtap() {
    install_extension
    server_start
    "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -c 'DROP DATABASE IF EXISTS heartbeat_pgtap' -c 'CREATE DATABASE heartbeat_pgtap'
    "$bindir/psql" -X -q -v ON_ERROR_STOP=1 -d heartbeat_pgtap -c 'CREATE EXTENSION pgtap' -c 'CREATE EXTENSION heartbeat'
    timeout --verbose 600 pg_prove --psql-bin "$bindir/psql" -d heartbeat_pgtap --timer test/pgtap/*.sql
    server_survived
}
count_pgtap() { count_prove "$1"; }

stage_tap() {
    install_extension
    make -j "$cores" -C generator all man completion WERROR=1
    perl_fetch_formats
    perl_prepare
    server_mount_small_disk
    local failed=0
    # shellcheck disable=SC2086 # the shell must split the words
    perl_prove "${TEST_JOBS:-$((cores + 1))}" ${TESTS:-test/t/*.t} || failed=1
    rm -rf "${TAP_LOGS:-build/tap-logs}"
    cp -R "$scratch/tap/tmp_check/log" "${TAP_LOGS:-build/tap-logs}"
    return $failed
}
count_tap() { count_prove "$1"; }

# Runs the attacks by a hostile role, operator, producer or broker. docs/security.md names these tests.
stage_attack() { TESTS=${ATTACK_TESTS:-test/attack/*.t} TAP_LOGS=build/attack-logs stage_tap; }
count_attack() { count_prove "$1"; }

# This stage does not run by default, because Debian has no package of Citus. The workflow runs this stage in the image of Citus.
stage_citus() {
    if [ ! -f "$("$pg_config" --pkglibdir)/citus.so" ]; then
        echo "Citus is not installed for $("$pg_config" --version); docs/scale-out.md says how to" >&2
        return 1
    fi
    TESTS=${TESTS:-test/citus/*.t} TEST_JOBS=${TEST_JOBS:-1} stage_tap
}
count_citus() { count_prove "$1"; }

# If a test file ends early, its summary can say "Failed: 0". Such a file counts as at least one failure.
count_prove() {
    awk '/^Files=[0-9]+, Tests=/ { split($2, t, "[=,]"); total += t[2] }
         /\(Wstat: .* Tests: [0-9]+ Failed: [0-9]+\)/ { match($0, /Failed: [0-9]+/)
            n = substr($0, RSTART + 8, RLENGTH - 8) + 0; in_total += n; f += n ? n : 1 }
         END { print total - in_total, f + 0 }' "$1"
}

# Harnesses run at the same time. With --output-sync the log has the output of each harness in one piece. script/test shows only the
# end of the log, so the function ends the log with the results of the harnesses that failed.
stage_fuzz() {
    local status=0 output
    output=$(mktemp "$scratch/fuzz.XXXXXX")
    make -j "$cores" -k --output-sync=target -C test/fuzz check SECONDS="${FUZZ_SECONDS:-10}" CLANGXX=clang++ 2>&1 | tee "$output" || status=1
    [ $status = 0 ] || grep -aE 'ERROR: |SUMMARY: |runtime error: |Test unit written to |^make.*\*\*\*|: error: ' "$output" | tail -38 | sed 's/^/failed: /'
    return $status
}
count_fuzz() { awk '/^stat::number_of_executed_units/ { p++ } /^SUMMARY: / { f++ } END { print p + 0, f + 0 }' "$1"; }

# Compares heartbeat with the official libraries of Avro, Protobuf and JSON Schema, on random messages.
stage_formats() {
    make -j "$cores" WERROR=1 PG_CONFIG="$pg_config"
    make -j "$cores" -C generator WERROR=1
    make -j "$cores" -C test/formats all WERROR=1
    timeout --verbose 900 make -k -C test/formats check CASES="${FORMAT_CASES:-2000}" SEED="${FORMAT_SEED:-1}"
}
count_formats() {
    sed -n 's/^\([0-9]*\) passed, \([0-9]*\) failed$/\1 \2/p' "$1" | awk '{ p += $1; f += $2 } END { print p + 0, f + 0 }'
}

stage_package() { script/package; }
