// The time of a reading can be ahead of the server's clock by more than heartbeat.max_clock_skew. This file
// replaces such a time by the present time, for the columns first_event and last_event of heartbeat_offsets.
// offsets_advance.cpp and counter_adjustments.cpp call this file.
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

// `event_time` and the result are in microseconds since 1970, because a batch uses this unit.
inline int64_t event_seen(const EventClock &clock, int64_t event_time) {
    return event_time > to_unix_microseconds(clock.latest) ? to_unix_microseconds(clock.now) : event_time;
}

} // namespace heartbeat
