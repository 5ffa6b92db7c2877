// The functions of this file replace times that are far in the future. Some readings have a time that is
// ahead of the server's clock by more than heartbeat.max_clock_skew. For such a reading, first_event and
// last_event of heartbeat_offsets get the present time, and not the time of the reading. offsets_advance.cpp
// and counter_adjustments.cpp call this file for these two columns.
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
