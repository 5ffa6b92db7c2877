// The setting heartbeat.dead_letter_limit: a source with a wrong mapping must not fill the disk.
#pragma once

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// The unresolved rows of a source.
struct Unresolved {
    int64_t dead_letters;
    int64_t conflicts; // messages with a reading in conflict
};

// Returns true if `counts` has new dead letters or new messages in conflict, although
// heartbeat.dead_letter_limit was already reached before this batch. The caller must then not commit the
// batch. *unresolved has the numbers before this batch. The number of conflicts can be too low, because the
// count ends at the limit. Each source has a count of its own.
bool dead_letter_limit_stops(const Source &source, const Batch *batch, const PartitionCounts *counts,
                             Unresolved *unresolved);

} // namespace heartbeat
