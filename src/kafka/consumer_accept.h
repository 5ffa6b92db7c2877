// Decides which messages of the client's queue go to the decoder. Handles the errors that librdkafka reports
// as messages. consumer_fill.cpp calls this file. This file decodes nothing.
#pragma once

#include "decode/batch.h"

#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

enum class Acceptance {
    accepted,
    passed_over, // nothing to decode: the end of a partition, an error of one partition, or a skipped message
    trouble,     // an error after which all partitions must be assigned again: see FillResult::trouble
};

// If the function accepts the message, *first_offset is the partition's position before this batch. At the
// end of a partition, and for a message at or after PartitionPosition::end, the function adds no message to
// the batch, but notes the progress of the partition. May throw std::bad_alloc.
Acceptance consumer_accept(Consumer *consumer, const rd_kafka_message_t *message, Batch *batch,
                           int64_t *first_offset);

} // namespace heartbeat
