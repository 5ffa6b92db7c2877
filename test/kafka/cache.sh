# shellcheck shell=bash
# The programs test/kafka/kafka and test/registry/registry source this file, and so does script/test.

# Prints the folder of the cache. The cache is outside of the checkout, so a second clone uses the files that the first clone
# has downloaded. PostgreSQL does not run as root. So if root starts the tests, the tests that need PostgreSQL run as another
# user, and this user must be able to read root's cache.
cache_folder() {
    if [ -n "${HEARTBEAT_CACHE:-}" ]; then
        echo "$HEARTBEAT_CACHE"
    elif [ "$(id -u)" = 0 ]; then
        echo /var/cache/heartbeat
    else
        echo "${XDG_CACHE_HOME:-$HOME/.cache}/heartbeat"
    fi
}
