// The marks of consumed messages, by which a later search finds how far a log was truncated. The memory lives
// as long as the process: a client that is opened anew goes on with it.
#pragma once

#include "decode/batch.h"
#include "decode/message_mark.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace heartbeat {

// The last consumed messages of a partition, as a ring: they tell the exact offset of a truncation. Kept
// also while nothing is assigned, and for the next client.
struct RecentMarks {
    std::vector<MessageMark> marks;
    size_t at = 0; // of the oldest, once it is full
};

class ConsumerMemory {
  public:
    // The positions move to the end of the batch: their last consumed messages, their trails and the batch's
    // become those that it brings. May throw std::bad_alloc.
    void remember(Batch *batch, std::vector<PartitionPosition> *assigned);

    // Takes the messages of one partition from a batch in hand, while its position stays. The more partitions
    // are assigned, the fewer messages are kept of each. May throw std::bad_alloc.
    void remember_partition(const Batch &batch, int32_t partition, size_t partitions);

    // The position may have gone back: what was consumed after it was not stored.
    void forget_beyond(const PartitionPosition &position);

    std::unordered_map<int32_t, RecentMarks> recent; // by partition
};

} // namespace heartbeat
