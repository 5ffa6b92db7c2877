// Corrects the counters in heartbeat_offsets for messages that these counters already include.
// heartbeat_replay() calls this file for messages that it has read again. heartbeat_retry_dead_letters()
// calls this file for dead letters that have become readings.
#pragma once

#include "store/store.h"

extern "C" {
#include "utils/hsearch.h"
}

namespace heartbeat {

inline constexpr size_t topic_name_size = 256;

inline constexpr size_t source_name_size_max = 64;

struct CounterAdjustmentKey {
    char source[source_name_size_max]; // padded with zeros, like `topic`
    char topic[topic_name_size];       // padded with zeros, because the hash table compares all bytes
    int32_t partition;
    // true: the source of the messages was dropped, so heartbeat_dropped_offsets has the counters. The
    // counters stay in that table, even if a source of the same name was added later.
    bool dropped;
};

// The numbers to add to the counters of one Kafka partition.
struct CounterAdjustment {
    CounterAdjustmentKey key; // the hash table requires that the key is the first member
    int64_t rewound;
    int64_t stored[heart_rate_classes]; // the index is a HeartRateClass
    int64_t messages;
    int64_t ignored;
    int64_t readings;
    int64_t duplicates;
    int64_t conflicts;
    int64_t dead_letters;
    int64_t empty_offsets;
    bool has_events;
    int64_t first_event; // microseconds since 1970
    int64_t last_event;
};

// Makes a hash table of CounterAdjustment in the current memory context.
HTAB *counter_adjustments_create();
// Returns the entry of this Kafka partition. Adds an empty entry if there is no entry yet.
CounterAdjustment *counter_adjustments_of(HTAB *adjustments, const char *source, const char *topic,
                                          int32_t partition, bool dropped);
void counter_adjustments_event(CounterAdjustment *adjustment, int64_t event_time);

// Adds all adjustments to heartbeat_offsets and heartbeat_dropped_offsets. Warns if the row of an adjustment
// does not exist. Call this function as the last step of a transaction. The function locks these rows until
// the transaction ends, and the ingest workers wait for the locked rows of heartbeat_offsets.
void counter_adjustments_apply(HTAB *adjustments);

} // namespace heartbeat
