// Suspicions that Kafka's log of a partition is another one. A leader that was frozen or cut off can serve an
// old log for a moment, until it learns that it no longer leads. So the worker looks twice: only a fault that
// it finds again some seconds later is true. assignment.cpp and consumer_session.cpp ask; this file does not
// know how a fault is found.
#pragma once

#include "server/server.h"

namespace heartbeat {

inline constexpr int suspicions_kept = 32;

struct Suspicion {
    int32_t partition;
    TimestampTz since; // 0: there is none
};

struct Suspicions {
    Suspicion kept[suspicions_kept];
};

inline constexpr char suspicion_hint[] = "heartbeat looks again in a moment, since a broker that was frozen "
                                         "can serve an old log until it learns that it no longer leads.";

// Call it each time that the fault is found. True if it was found some seconds ago, too.
bool suspicion_is_confirmed(Suspicions *suspicions, int32_t partition);

} // namespace heartbeat
