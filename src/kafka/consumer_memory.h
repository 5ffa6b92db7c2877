// Keeps the marks of consumed messages (see decode/message_mark.h). log_search.cpp compares the marks with
// Kafka's log, to find how far the log was truncated. A ConsumerMemory lives as long as the process, so a new
// client also uses these marks.
#pragma once

#include "decode/batch.h"
#include "decode/message_mark.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace heartbeat {

// The marks of the last consumed messages of a partition, as a ring. With these marks a search finds the
// exact offset of a truncation. The marks stay while no partition is assigned, and the next client uses them
// too.
struct RecentMarks {
    std::vector<MessageMark> marks;
    size_t at = 0; // the index of the oldest mark, if the ring is full
};

class ConsumerMemory {
  public:
    // Remembers the messages of a complete batch. For each partition of the batch, sets `last_message` and
    // `trail` of the partition's position in `assigned`, and copies the trail to the batch. Ignores a
    // partition without a position in `assigned`, and a partition whose position has an `end`. May throw
    // std::bad_alloc.
    void remember(Batch *batch, std::vector<PartitionPosition> *assigned);

    // Remembers the messages of one partition of a batch that is not complete yet. Does not change the
    // position. `partitions` is the number of assigned partitions. If this number is large, the memory keeps
    // fewer messages of each partition. May throw std::bad_alloc.
    void remember_partition(const Batch &batch, int32_t partition, size_t partitions);

    // Call this function when the caller has assigned an earlier position again. Forgets the messages after
    // this position: the client has consumed them, but the worker has not stored them. If the memory does not
    // have the position's last message, forgets all messages of the partition.
    void forget_beyond(const PartitionPosition &position);

    std::unordered_map<int32_t, RecentMarks> recent; // by partition
};

} // namespace heartbeat
