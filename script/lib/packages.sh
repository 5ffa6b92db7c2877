# shellcheck shell=bash
# Sourced: installs the Debian or Ubuntu packages that a script needs, and nothing when they are there already.
# Which packages those are is said here once, for script/test and script/demo.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

# The PostgreSQL to work with: PG_CONFIG's, else the one installed with its development files, else the distribution's.
postgres_version() {
    if [ -n "${PG_CONFIG:-}" ]; then
        "$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
        return
    fi
    local installed
    installed=$(find /usr/lib/postgresql -path '*/lib/pgxs/src/makefiles/pgxs.mk' 2>/dev/null | cut -d/ -f5 | sort -n | tail -1)
    [ -n "$installed" ] || installed=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1)
    echo "$installed"
}

# The first of the names that apt knows.
packages_first_known() {
    local name
    for name; do
        if apt-cache show "$name" > /dev/null 2>&1; then
            echo "$name"
            return
        fi
    done
    echo "$1"
}

# To build the extension and the generator and to run them.
packages_to_run() {
    local version
    version=$(postgres_version)
    echo "postgresql-$version" "postgresql-server-dev-$version" librdkafka-dev libjansson-dev libcli11-dev \
        g++ make pkg-config ca-certificates
}

# To run a Kafka. Kafka 4 needs Java 17 or later.
packages_to_run_kafka() {
    echo maven "$(packages_first_known openjdk-17-jre-headless default-jre-headless)"
}

# To check and test all of it.
packages_to_test() {
    echo "postgresql-$(postgres_version)-pgtap" libtap-parser-sourcehandler-pgtap-perl libipc-run-perl locales \
        libgtest-dev clang clang-format clang-tidy shellcheck "$(packages_first_known libclang-rt-dev clang)"
}

packages_missing() {
    local name
    for name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done
}

# packages_install LIST...: each LIST is one of the functions above that name packages.
packages_install() {
    if ! command -v apt-get > /dev/null; then
        packages_explain "$@"
        return
    fi
    local missing log
    log=$(mktemp)
    if [ -z "$(postgres_version)" ] || ! packages_are_known "$@"; then
        packages_apt update "$log"
    fi
    # shellcheck disable=SC2046 # words are wanted
    missing=$(packages_missing $(for list; do "$list"; done))
    if [ -n "$missing" ]; then
        echo "installing $(wc -w <<< "$missing") packages" >&2
        # shellcheck disable=SC2086 # words are wanted
        packages_apt "install --no-install-recommends" "$log" $missing
    fi
    rm -f "$log"
}

# Whether all is installed or apt has heard of it: a machine that never ran "apt-get update" has not.
packages_are_known() {
    local name
    # shellcheck disable=SC2046 # words are wanted
    for name in $(packages_missing $(for list; do "$list"; done)); do
        apt-cache show "$name" > /dev/null 2>&1 || return 1
    done
}

packages_apt() {
    local command=$1 log=$2
    shift 2
    # shellcheck disable=SC2086 # words are wanted
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y $command "$@" > "$log" 2>&1 || {
        tail -20 "$log" >&2
        echo "apt-get $command failed" >&2
        return 1
    }
}

# Where there is no apt: nothing is installed, and what is missing is named.
packages_explain() {
    local missing=() program library
    local programs="pg_config g++ make pkg-config java mvn" libraries="rdkafka jansson"
    case " $* " in *" packages_to_test "*)
        programs+=" clang++ clang-format clang-tidy shellcheck prove pg_prove"
        libraries+=" gtest"
        ;;
    esac
    for program in $programs; do
        command -v "$program" > /dev/null || missing+=("$program")
    done
    for library in $libraries; do
        pkg-config --exists "$library" 2>/dev/null || missing+=("$library (library with headers)")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    echo "There is no apt here to install packages with. Missing:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    return 1
}
