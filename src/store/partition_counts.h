// The counts of a batch for each of its Kafka partitions: the results of store_batch() for the messages and
// readings. store_batch() sets the counts, and offsets_advance() adds the counts to the counters in
// heartbeat_offsets.
#pragma once

#include "decode/batch.h"

namespace heartbeat {

// The counts of one Kafka partition.
struct PartitionCounts {
    int64_t stored[heart_rate_classes]; // stored readings; the index is a HeartRateClass
    int64_t readings;                   // the readings in all decoded messages
    int64_t duplicates;                 // the readings that are duplicates
    int64_t conflicts;                  // the readings in conflict
    int64_t conflict_letters;           // new rows of heartbeat_dead_letters for messages in conflict
    int64_t dead_letters;               // new dead letters
    int64_t dead_letters_again;         // dead letters that the table already has
};

// The number to add to the counter `messages`: messages that were decoded and not ignored, plus dead letters
// that were read again.
inline int64_t partition_messages(const BatchPartition &read, const PartitionCounts &counts) {
    return read.messages - read.ignored - counts.dead_letters;
}

} // namespace heartbeat
