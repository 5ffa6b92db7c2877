// Compares the number of a source's dead letters and conflicts with the setting heartbeat.dead_letter_limit.
// If the mapping of a source is wrong, every message can become a dead letter. Without the limit, these dead
// letters could fill the disk.
#pragma once

#include "store/partition_counts.h"
#include "store/sources.h"

namespace heartbeat {

// The numbers of a source's unresolved rows in heartbeat_dead_letters.
struct Unresolved {
    int64_t dead_letters;
    int64_t conflicts; // messages with a reading in conflict
};

// Returns true if the source had already reached heartbeat.dead_letter_limit before this batch, and the batch
// adds dead letters or messages in conflict. The caller must then not commit the batch. If the result is
// true, *unresolved has the numbers before this batch. unresolved->conflicts can be too low, because the
// function stops counting at the limit. The limit applies to each source separately.
bool dead_letter_limit_stops(const Source &source, const Batch *batch, const PartitionCounts *counts,
                             Unresolved *unresolved);

} // namespace heartbeat
