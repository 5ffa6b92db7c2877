// Counters of offsets that were passed and counted before: what dead letters have become, and
// what a replay has read again.
#pragma once

#include "store/store.h"

extern "C" {
#include "utils/hsearch.h"
}

namespace heartbeat {

inline constexpr size_t topic_name_size = 256;

struct RecountKey {
    char topic[topic_name_size]; // zero after its end
    int32_t partition;
};

// What is to be added to one partition's counters.
struct Recount {
    RecountKey key; // first: the hash table's key
    int64_t rewound;
    int64_t stored[heart_rate_classes]; // by HeartRateClass
    int64_t duplicates;
    int64_t dead_letters;
    int64_t empty_offsets;
    bool has_events;
    int64_t first_event; // microseconds since 1970
    int64_t last_event;
};

// A table of them, in the current memory context.
HTAB *recount_create();
Recount *recount_of(HTAB *recounts, const char *topic, int32_t partition); // found or made
void recount_event(Recount *recount, int64_t event_time);

// Adds all of them to heartbeat_offsets. Call it last: ingest waits for these rows until the transaction
// ends.
void recount_apply(HTAB *recounts);

} // namespace heartbeat
