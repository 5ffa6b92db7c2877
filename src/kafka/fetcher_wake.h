// Wakes librdkafka's thread that fetches messages. Before version 2.2, that thread checks only once a second
// whether a full queue has room again. With newer versions these calls do nothing. consumer_fill.cpp calls
// them.
#pragma once

#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

// Call it for each message that you have taken from the queue. May throw std::bad_alloc.
void fetcher_note_taken(Consumer *consumer, const rd_kafka_message_t *message);

// Call it when the queue is empty.
void fetcher_wake(Consumer *consumer) noexcept;

} // namespace heartbeat
