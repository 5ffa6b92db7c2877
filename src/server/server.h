// Includes PostgreSQL's headers for C++. A file that includes this header must not include a header of
// librdkafka or jansson. The code that uses these two libraries may throw exceptions, PostgreSQL's functions
// may longjmp, and a function must not call both kinds of code. Also, some names of jansson are names of the
// server too.
#pragma once

#if defined(_RDKAFKA_H_) || defined(JANSSON_H)
#error "a file that includes server.h must use Kafka and JSON only through src/kafka and src/decode"
#endif
#define _RDKAFKA_H_ // NOLINT(bugprone-reserved-identifier): the guard of librdkafka's header
#define JANSSON_H

// include the headers of the C++ library first, because the server's macros (gettext, printf, ...) would
// break these headers
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

// Messages and readings have times in microseconds since 1970. The server's times are microseconds since
// 2000. The functions below convert one kind of time to the other.
inline constexpr int64_t epoch_difference =
    static_cast<int64_t>(POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * SECS_PER_DAY * USECS_PER_SEC;

constexpr TimestampTz to_timestamptz(int64_t unix_microseconds) {
    return unix_microseconds - epoch_difference;
}

constexpr int64_t to_unix_microseconds(TimestampTz time) {
    // for a time in the last 30 years of PostgreSQL's time range, the sum would be too large for int64_t
    if (time > INT64_MAX - epoch_difference)
        return INT64_MAX;
    return time + epoch_difference;
}

} // namespace heartbeat
