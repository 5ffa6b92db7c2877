// What was stored of a batch, counted for each of its partitions.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// What became of one partition's messages.
struct PartitionCounts {
    int64_t stored[heart_rate_classes]; // by HeartRateClass
    int64_t duplicates;
    int64_t dead_letters;
};

} // namespace heartbeat
