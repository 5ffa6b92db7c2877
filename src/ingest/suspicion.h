// The worker suspects a partition if Kafka's log of this partition seems to be another log than before. A
// leader that was frozen or cut off from the network can serve an old log for a moment. Such a broker does
// not know yet that another broker has become the leader. So the worker checks twice, and acts only on a
// fault that it finds again some seconds later. A check that finds no fault ends the suspicion. There are two
// kinds of checks. offset_validation.cpp checks the partitions and the ranges of offsets that brokers report.
// The consumer client checks the messages (consumer_session.cpp). The worker keeps the suspicions of the two
// kinds separately. This file does not depend on how a check finds a fault.
#pragma once

#include "server/clock.h"

namespace heartbeat {

struct Suspicions {
    MemoryContext context; // the memory context of `since`
    MonotonicTime *since;  // by partition: when the worker first found a fault; 0: it found no fault
    int32_t room;
    int32_t count; // the number of partitions with a suspicion
};

inline constexpr char suspicion_hint[] =
    "heartbeat checks again in a few seconds, because a broker that was frozen can serve an old log until it "
    "learns that it is no longer the leader.";

// Call this function each time that the worker finds a fault of this partition. Returns true if the worker
// had already found a fault of this partition some seconds earlier. Returns true at once for a fault of the
// whole topic (partition -1).
bool suspicion_is_confirmed(Suspicions *suspicions, int32_t partition);

// Returns true if the worker suspects the log of this partition.
bool suspicion_exists(const Suspicions &suspicions, int32_t partition);

// Call this function when a check of the partition has found no fault.
void suspicion_end(Suspicions *suspicions, int32_t partition);

void suspicions_forget(Suspicions *suspicions);

} // namespace heartbeat
