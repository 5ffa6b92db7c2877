// Includes PostgreSQL's headers for C++. A file includes either this or the headers of librdkafka and
// jansson, never both. Code that may throw and code that may longjmp must not share a stack frame, and
// jansson's names clash with the server's.
#pragma once

#if defined(_RDKAFKA_H_) || defined(JANSSON_H)
#error "files that include the server reach Kafka and JSON through src/kafka and src/decode only"
#endif
#define _RDKAFKA_H_
#define JANSSON_H

// the headers of the C++ library come first, because the server's macros (gettext, printf, ...) would break
// them
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

extern "C" {
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
}

namespace heartbeat {

// Converts between the time of messages and readings (microseconds since 1970) and the server's (since 2000).
inline constexpr int64_t epoch_difference =
    static_cast<int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * USECS_PER_SEC;

constexpr TimestampTz to_timestamptz(int64_t unix_microseconds) {
    return unix_microseconds - epoch_difference;
}

constexpr int64_t to_unix_microseconds(TimestampTz time) {
    // the last days that PostgreSQL can store have no such number
    if (time > INT64_MAX - epoch_difference)
        return INT64_MAX;
    return time + epoch_difference;
}

} // namespace heartbeat
