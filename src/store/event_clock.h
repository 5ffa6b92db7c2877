// Times of readings that have not come. One that is further ahead of the server's clock than
// heartbeat.max_clock_skew counts as when it arrived, wherever the last one is asked for.
#pragma once

#include "server/compat.h"
#include "server/server.h"
#include "server/settings.h"

namespace heartbeat {

struct EventClock {
    TimestampTz now;
    TimestampTz latest;
};

inline EventClock event_clock() {
    TimestampTz now = GetCurrentTimestamp();
    return {now, now + settings.max_clock_skew * USECS_PER_SEC};
}

// In microseconds since 1970, as batches have times.
inline int64_t event_seen(const EventClock &clock, int64_t event_time) {
    return event_time > to_unix_microseconds(clock.latest) ? to_unix_microseconds(clock.now) : event_time;
}

} // namespace heartbeat
