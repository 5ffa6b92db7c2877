// Searches a partition's log for the offset from which on it is another one than it was, by the
// messages that are remembered of it. Each step is one message that is read: nothing here waits.
#pragma once

#include "decode/batch.h"
#include "kafka/examination_state.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

// Where the log ends before the position: returns the offset at which to begin.
int64_t log_search_begin(const Consumer &consumer, const PartitionPosition &position,
                         Examination *examination);

// After the last consumed message, which may be in the batch in hand, was not found as it was.
Examined log_search(Consumer *consumer, size_t index, const Batch &batch);

Examined log_search_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message);

// The broker said where the epoch of the last consumed message ends.
void log_search_hear(Consumer *consumer, int32_t partition, int64_t offset);

} // namespace heartbeat
