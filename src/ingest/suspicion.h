// Suspicions that Kafka's log of a partition is another one. A leader that was frozen or cut off can serve an
// old log for a moment, until it learns that it no longer leads. So the worker looks twice: only a fault that
// it finds again some seconds later is true. offset_validation.cpp and consumer_session.cpp ask; this file
// does not know how a fault is found.
#pragma once

#include "server/server.h"

namespace heartbeat {

struct Suspicions {
    TimestampTz *since; // by partition: when the fault was found first; 0: it was not found
    int32_t room;
};

inline constexpr char suspicion_hint[] =
    "heartbeat checks again in a few seconds, because a broker that was frozen can serve an old log until it "
    "learns that it is no longer the leader.";

// Call it each time that the fault is found. True if it was found some seconds ago, too, or if it is a fault
// of the whole topic (partition -1).
bool suspicion_is_confirmed(Suspicions *suspicions, int32_t partition);

void suspicions_forget(Suspicions *suspicions);

} // namespace heartbeat
