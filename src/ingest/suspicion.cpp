// Remembers when a fault of a partition's log was found first. If too many partitions are suspected at once,
// the oldest suspicion is forgotten, and the worker looks at that partition once more.
#include "server/server.h"

#include "ingest/suspicion.h"

namespace heartbeat {

namespace {

constexpr TimestampTz confirmed_after = 3 * USECS_PER_SEC;
constexpr TimestampTz forgotten_after = 60 * USECS_PER_SEC;

} // namespace

bool suspicion_is_confirmed(Suspicions *suspicions, int32_t partition) {
    TimestampTz now = GetCurrentTimestamp();
    Suspicion *oldest = suspicions->kept;
    for (Suspicion &suspicion : suspicions->kept) {
        if (suspicion.since != 0 && suspicion.partition == partition &&
            now < suspicion.since + forgotten_after)
            return now >= suspicion.since + confirmed_after;
        if (suspicion.partition == partition || suspicion.since < oldest->since)
            oldest = &suspicion;
    }
    *oldest = {partition, now};
    return false;
}

} // namespace heartbeat
