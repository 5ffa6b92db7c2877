// Reads the monotonic clock of the machine.
#include "server/clock.h"

#include <ctime>

namespace heartbeat {

MonotonicTime monotonic_now() {
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return USECS_PER_HOUR + now.tv_sec * USECS_PER_SEC + now.tv_nsec / 1000;
}

Moment moment_now() {
    return {monotonic_now(), GetCurrentTimestamp()};
}

long monotonic_milliseconds(MonotonicTime now, MonotonicTime due) {
    return due <= now ? 0 : static_cast<long>((due - now + 999) / 1000);
}

TimestampTz monotonic_to_timestamptz(MonotonicTime time) {
    return time == 0 ? 0 : GetCurrentTimestamp() - (monotonic_now() - time);
}

} // namespace heartbeat
