// Storage wing: one batch into the tables, inside a transaction that the caller began.
#pragma once

#include "stream/batch.h"

namespace heartbeat {

// What became of one partition's messages.
struct PartitionCounts {
    int64_t stored[heart_rate_classes]; // by HeartRateClass
    int64_t duplicates;
    int64_t dead_letters;
};

// Stores readings, dead letters and the marks of stale minutes, and announces anomalies. Returns the counts, one for
// each of the batch's partitions, in the current memory context.
PartitionCounts *store_batch(const Batch *batch, const char *topic);

} // namespace heartbeat
