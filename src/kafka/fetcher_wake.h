// Wakes the thread of librdkafka that fetches. Before version 2.2, that thread looks only once a second
// whether a queue that was full has room again. With newer versions these calls do nothing.
#pragma once

#include <librdkafka/rdkafka.h>

namespace heartbeat {

class Consumer;

// After each message that was taken from the queue. May throw std::bad_alloc.
void fetcher_note_taken(Consumer *consumer, const rd_kafka_message_t *message);

// When the queue has run empty.
void fetcher_wake(Consumer *consumer) noexcept;

} // namespace heartbeat
