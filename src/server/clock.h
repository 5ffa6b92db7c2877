// The monotonic clock. A person or NTP can set the wall clock back or forward. So use the monotonic clock to
// measure a duration, and to decide when something is due. Use GetCurrentTimestamp() only for times that
// people see, and for times that tables store. This file does not depend on its callers.
#pragma once

#include "server/server.h"

namespace heartbeat {

// A time of the monotonic clock, in microseconds. All processes of the machine have the same monotonic clock,
// so shared memory can contain such times. 0 means a time long ago, or no time.
using MonotonicTime = int64_t;

// Adds one hour to the time of the system's monotonic clock. So the time 0 is at least an hour ago, even if
// the machine has just booted.
MonotonicTime monotonic_now();

// Returns the milliseconds from `now` until `due`, rounded up. Returns 0 if `due` has passed.
long monotonic_milliseconds(MonotonicTime now, MonotonicTime due);

// Converts a time of the monotonic clock to the wall clock, for people. Returns 0 if `time` is 0. Each call
// reads both clocks, so the results for the same `time` can differ by some microseconds.
TimestampTz monotonic_to_timestamptz(MonotonicTime time);

// A moment by both clocks. Measure with `clock`, and show `shown` to people. A value of
// monotonic_to_timestamptz() would be a little different each time.
struct Moment {
    MonotonicTime clock; // 0: the moment is not set
    TimestampTz shown;

    bool is_set() const { return clock != 0; }
};

Moment moment_now();

} // namespace heartbeat
