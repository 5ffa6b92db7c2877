// Finds the first offset at which a partition's log differs from the log that the client has read. The search
// compares the marks of remembered messages with the messages of the log. The search makes one step each time
// the client has taken a message from the queue, so no call waits for a message. examination.cpp calls this
// file.
#pragma once

#include "decode/batch.h"
#include "kafka/examination_state.h"
#include "kafka/partition_position.h"

#include <cstddef>
#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

// Begins a search in a log that ends before the position. Returns the offset at which the client must begin
// to read.
int64_t log_search_begin(const Consumer &consumer, const PartitionPosition &position,
                         Examination *examination);

// Begins a search after examination.cpp has found that the log does not have the last consumed message. The
// last consumed message can be in the current batch.
Examined log_search(Consumer *consumer, size_t index, const Batch &batch);

Examined log_search_take(Consumer *consumer, size_t index, const rd_kafka_message_t *message);

// Stores the broker's answer: the epoch of the last consumed message ends at this offset. If a search waits
// for this answer, the search ends.
void log_search_hear(Consumer *consumer, int32_t partition, int64_t offset);

} // namespace heartbeat
