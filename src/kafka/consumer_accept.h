// Decides which messages of the client's queue are decoded, and handles the errors that librdkafka reports as
// messages. consumer_fill.cpp calls it. It decodes nothing.
#pragma once

#include "decode/batch.h"

#include <cstdint>
#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

enum class Acceptance {
    accepted,
    passed_over, // not to decode: progress, an error of one partition, or a message that is not read
    trouble,     // an error of the topic or of all partitions: see FillResult::trouble
};

// If the message is accepted, *first_offset is the position of its partition before this batch. If it is the
// end of a partition, or beyond the position's end, the batch gets the progress. May throw std::bad_alloc.
Acceptance consumer_accept(Consumer *consumer, const rd_kafka_message_t *message, Batch *batch,
                           int64_t *first_offset);

} // namespace heartbeat
