// What became of the messages and readings of a batch, for each Kafka partition of the batch. store_batch()
// sets them, and offsets_advance() adds them to the counters in heartbeat_offsets.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// The counts of one Kafka partition.
struct PartitionCounts {
    int64_t stored[heart_rate_classes]; // by HeartRateClass
    int64_t readings;                   // of all messages that were decoded
    int64_t duplicates;                 // of these readings
    int64_t dead_letters;               // new ones
    int64_t dead_letters_again;         // the table has them already
};

} // namespace heartbeat
