// Counters of offsets that were passed and counted before: what dead letters have become, and
// what a replay has read again.
#pragma once

#include "store/store.h"

extern "C" {
#include "utils/hsearch.h"
}

namespace heartbeat {

inline constexpr size_t topic_name_size = 256;

struct CounterAdjustmentKey {
    char topic[topic_name_size]; // zero after its end
    int32_t partition;
};

// What is to be added to one partition's counters.
struct CounterAdjustment {
    CounterAdjustmentKey key; // first: the hash table's key
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
HTAB *counter_adjustments_create();
CounterAdjustment *counter_adjustments_of(HTAB *adjustments, const char *topic,
                                          int32_t partition); // found or made
void counter_adjustments_event(CounterAdjustment *adjustment, int64_t event_time);

// Adds all of them to heartbeat_offsets. Call it last: ingest waits for these rows until the transaction
// ends.
void counter_adjustments_apply(HTAB *adjustments);

} // namespace heartbeat
