// Wakes librdkafka's thread that fetches messages. In librdkafka before 2.2, this thread checks only once a
// second whether a full queue has room again. With librdkafka 2.2 and newer, the two functions of this file
// do nothing. consumer_fill.cpp calls these functions.
#pragma once

#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

// Call this function for each message that you have taken from the queue. May throw std::bad_alloc.
void fetcher_note_taken(Consumer *consumer, const rd_kafka_message_t *message);

// Call this function when the queue is empty.
void fetcher_wake(Consumer *consumer) noexcept;

} // namespace heartbeat
