// Remembers when the worker first found a fault in the log of each partition. The array `since` has room for
// all partitions of the topic, because the worker may find faults in all partitions at the same time.
#include "server/server.h"

#include "ingest/suspicion.h"

extern "C" {
#include "utils/memutils.h"
}

namespace heartbeat {

namespace {

constexpr TimestampTz confirmed_after = 3 * USECS_PER_SEC;
constexpr TimestampTz forgotten_after = 60 * USECS_PER_SEC;

void make_room(Suspicions *suspicions, int32_t count) {
    if (count <= suspicions->room)
        return;
    auto *fresh = static_cast<MonotonicTime *>(
        MemoryContextAllocZero(suspicions->context, sizeof(MonotonicTime) * static_cast<size_t>(count)));
    std::copy_n(suspicions->since, suspicions->room, fresh);
    if (suspicions->since != nullptr)
        pfree(suspicions->since);
    suspicions->since = fresh;
    suspicions->room = count;
}

} // namespace

bool suspicion_is_confirmed(Suspicions *suspicions, int32_t partition) {
    if (partition < 0)
        return true;
    make_room(suspicions, partition + 1);
    MonotonicTime now = monotonic_now();
    MonotonicTime *since = &suspicions->since[partition];
    suspicions->count += *since == 0 ? 1 : 0;
    if (*since == 0 || now >= *since + forgotten_after)
        *since = now;
    return now >= *since + confirmed_after;
}

bool suspicion_exists(const Suspicions &suspicions, int32_t partition) {
    return suspicions.count > 0 && partition < suspicions.room && suspicions.since[partition] != 0;
}

void suspicion_end(Suspicions *suspicions, int32_t partition) {
    if (!suspicion_exists(*suspicions, partition))
        return;
    suspicions->since[partition] = 0;
    suspicions->count--;
}

void suspicions_forget(Suspicions *suspicions) {
    std::fill_n(suspicions->since, suspicions->room, 0);
    suspicions->count = 0;
}

} // namespace heartbeat
