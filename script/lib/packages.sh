# shellcheck shell=bash
# Other scripts, such as script/test and script/demo, load this file to install the Debian or Ubuntu packages that are missing.
# The scripts' lists of packages are in this file, except the list that only script/screenshots needs.

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

postgres_minimum=14

# Prints the newest installed version of PostgreSQL that contains the given file.
postgres_installed_with() {
    find /usr/lib/postgresql -path "*/$1" 2>/dev/null | cut -d/ -f5 |
        awk -v minimum="$postgres_minimum" '$1 >= minimum' | sort -n | tail -1
}

# Prints the version of PostgreSQL to use. The function takes the first version that it finds, in this order: the version of
# PG_CONFIG, PG_VERSION, the newest installed version with development files, the newest installed version, the version of the
# distribution. PG_VERSION may also be a minor version, as in the official images of PostgreSQL.
postgres_version() {
    if [ -n "${PG_CONFIG:-}" ]; then
        "$PG_CONFIG" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/'
        return
    elif [ -n "${PG_VERSION:-}" ]; then
        echo "${PG_VERSION%%[!0-9]*}"
        return
    fi
    local installed
    installed=$(postgres_installed_with lib/pgxs/src/makefiles/pgxs.mk)
    [ -n "$installed" ] || installed=$(postgres_installed_with bin/postgres)
    [ -n "$installed" ] || installed=$(apt-cache depends postgresql 2>/dev/null | sed -n 's/.*Depends: postgresql-\([0-9]*\)$/\1/p' | head -1)
    echo "$installed"
}

# Tests whether the PostgreSQL that the script uses comes from packages. A PostgreSQL built from source needs no packages of
# PostgreSQL. But then the user postgres may be missing, and the scripts need this user if root runs them.
postgres_is_packaged() {
    [ -z "${PG_CONFIG:-}" ] || [[ $("$PG_CONFIG" --bindir) == /usr/lib/postgresql/* ]]
}

postgres_check_version() {
    local version
    version=$(postgres_version)
    [ "${version:-0}" -lt "$postgres_minimum" ] || return 0
    echo "PostgreSQL $postgres_minimum or newer is needed; here it is ${version:-not known to apt}." >&2
    echo "PostgreSQL's own apt repository has newer versions. The package postgresql-common has a script that adds this repository." >&2
    return 1
}

# Tests whether apt can install a package with this name. `apt-cache policy` also lists names that other packages only
# mention, so the function looks for a candidate version.
package_is_known() { LC_ALL=C apt-cache policy "$1" 2>/dev/null | grep '^  Candidate: [^(]' > /dev/null; }

# The arguments are names of packages. Prints the first name that apt can install. If apt can install none of them, prints the
# first argument.
packages_first_known() {
    local name
    for name; do
        if package_is_known "$name"; then
            echo "$name"
            return
        fi
    done
    echo "$1"
}

# Prints the packages that are needed to build and run the extension and the generator.
packages_to_run() {
    local version
    version=$(postgres_version)
    ! postgres_is_packaged || echo "postgresql-$version" "postgresql-server-dev-$version"
    echo librdkafka-dev libjansson-dev libsimdjson-dev libhowardhinnant-date-dev zlib1g-dev libcli11-dev g++ make pkg-config ca-certificates \
        libcurl4-openssl-dev libprotobuf-dev libprotoc-dev
}

# The packages to run Kafka. Kafka 4 needs Java 17 or later.
packages_to_run_kafka() {
    echo maven "$(packages_first_known openjdk-17-jre-headless default-jre-headless)"
}

# Prints the packages that the checks and the tests need.
packages_to_test() {
    ! postgres_is_packaged || echo "postgresql-$(postgres_version)-pgtap"
    echo libtap-parser-sourcehandler-pgtap-perl libipc-run-perl locales \
        python3-psycopg2 python3-prometheus-client python3-yaml python3-venv protobuf-compiler libgtest-dev \
        help2man mandoc man-db zsh fish ccache clang clang-format shellcheck codespell "$(packages_first_known libclang-rt-dev clang)"
}

# Prints the names of the packages that the build of heartbeat's Debian packages needs: the packages that debian/control.in
# requires, and the tools that check a package.
packages_to_package() {
    echo build-essential debhelper postgresql-server-dev-all librdkafka-dev libjansson-dev libsimdjson-dev libhowardhinnant-date-dev zlib1g-dev libcli11-dev pkgconf help2man \
        libcurl4-openssl-dev libprotobuf-dev libprotoc-dev \
        lintian blhc
}

# The packages for some commands under bench: for consumers in Python, for plots, and for profiles.
packages_to_run_peers() { echo python3-venv; }
packages_to_plot() { echo python3-matplotlib; }
packages_to_profile() { echo linux-perf; }

packages_missing() {
    local name
    for name; do
        [ "$(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null)" = installed ] || echo "$name"
    done
}

# packages_install LIST...: each LIST is the name of a function that prints names of packages.
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
    postgres_check_version || return 1
    # shellcheck disable=SC2046 # the shell must split the words
    missing=$(packages_missing $(for list; do "$list"; done))
    if [ -n "$missing" ]; then
        echo "installing $(wc -w <<< "$missing") packages" >&2
        # shellcheck disable=SC2086 # the shell must split the words
        packages_apt "install --no-install-recommends" "$log" $missing
    fi
    rm -f "$log"
}

# Tests whether each package is installed or known to apt. Before the first `apt-get update` of a machine, apt knows only the
# installed packages, so the test fails if a package is missing.
packages_are_known() {
    local name
    # shellcheck disable=SC2046 # the shell must split the words
    for name in $(packages_missing $(for list; do "$list"; done)); do
        package_is_known "$name" || return 1
    done
}

# Usually the package of the server creates and starts a database cluster with pg_createcluster. No script needs this
# cluster. So the function puts another program with the name pg_createcluster at the beginning of the PATH. This other
# program does nothing. The configuration of the machine does not change.
packages_apt() {
    local command=$1 log=$2 first status=0
    shift 2
    first=$(mktemp -d)
    ln -s /bin/true "$first/pg_createcluster"
    # shellcheck disable=SC2086 # the shell must split the words
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o "DPkg::Path=$first:/usr/sbin:/usr/bin:/sbin:/bin" \
        $command "$@" > "$log" 2>&1 || status=$?
    rm -rf "$first"
    [ "$status" = 0 ] || {
        tail -20 "$log" >&2
        echo "apt-get $command failed" >&2
        return 1
    }
}

# Without apt a script cannot install packages. In this case packages_explain prints the names of missing
# programs and libraries.
packages_explain() {
    local missing=() program library
    local programs="pg_config g++ make pkg-config" libraries="rdkafka jansson simdjson zlib CLI11"
    case " $* " in *" packages_to_run_kafka "*) programs+=" java mvn" ;; esac
    case " $* " in *" packages_to_test "*)
        programs+=" clang++ clang-format python3 shellcheck codespell prove pg_prove"
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
    echo "There is no apt to install packages. Missing packages:" >&2
    printf '  %s\n' "${missing[@]}" >&2
    return 1
}
