// Opens and closes the consumer client. The client reads assigned partitions of one topic into batches. Call
// all functions of this header on the same thread. The functions never throw. Only consumer_close() and
// consumers_closing() wait for librdkafka. If a call of librdkafka can wait, heartbeat makes the call on a
// separate thread: see question.h. docs/how-it-works.md has a table of all calls of librdkafka. librdkafka's
// own threads run only one callback of heartbeat: on_broker_state() of connections.cpp.
#pragma once

#include "kafka/consumer_assign.h"
#include "kafka/consumer_fill.h"
#include "kafka/consumer_report.h"
#include "kafka/error.h"
#include "kafka/group_offsets.h"
#include "kafka/kafka_settings.h"
#include "kafka/wake_pipe.h"

namespace heartbeat {

class Consumer;

// The marks of messages that the process has consumed (see decode/message_mark.h). The next client of the
// process uses these marks too, so this object lives as long as the process. consumer_memory_create() returns
// nullptr if no memory is left.
class ConsumerMemory;
ConsumerMemory *consumer_memory_create() noexcept;
void consumer_memory_destroy(ConsumerMemory *memory) noexcept; // nullptr is allowed

// If `memory` is nullptr, the marks are lost when the client is closed. If `wake` has no pipe, the client
// makes a pipe of its own: see consumer_descriptor().
Consumer *consumer_open(const KafkaSettings &settings, Error *error, ConsumerMemory *memory = nullptr,
                        WakeTarget wake = own_pipe) noexcept;

enum class CloseResult {
    closed,
    left_asking, // a question to Kafka is under way: the question's thread destroys the client later
    left,        // librdkafka did not destroy the client in time, and keeps the client's memory and threads
};

// Closes the consumer, and waits at most consumer_close_ms. If a question to Kafka is under way, the function
// waits less than consumer_close_ms. If librdkafka destroys the client only later, a later call of
// consumer_close() or consumers_closing() frees the consumer. `consumer` may be nullptr.
inline constexpr int consumer_close_ms = 800;
CloseResult consumer_close(Consumer *consumer) noexcept;

// Begins to close the consumer, which may be nullptr. The function does not wait, because a thread destroys
// the client. Consumers can share a client of librdkafka. If `retire` is true, no later consumer gets this
// client, even if other consumers still use the client.
void consumer_close_later(Consumer *consumer, bool retire) noexcept;

// consumer_close() and consumer_close_later() keep a list of the consumers whose clients still exist. If
// librdkafka has destroyed the client of a consumer in this list, consumers_closing() frees the consumer.
// consumers_closing() waits at most `milliseconds` for all these clients together.
struct ClosingConsumers {
    int count;   // clients that librdkafka has not destroyed yet
    int hanging; // how many of these clients began to close more than 5 seconds ago
};
ClosingConsumers consumers_closing(int milliseconds) noexcept;

// The number of this process's clients that librdkafka has not destroyed yet.
int consumer_clients() noexcept;

// Returns the descriptor of the pipe from which the process reads. The descriptor becomes readable when
// librdkafka queues an event or a message, or when a question has an answer. When the descriptor is readable,
// call consumer_fill() until it returns FillResult::drained, and then take the answers. After that, the next
// event makes the descriptor readable again.
int consumer_descriptor(const Consumer *consumer) noexcept;

// Returns topic.metadata.refresh.interval.ms. Each time this number of milliseconds has passed, the caller
// must ask the brokers about the topic.
int consumer_refresh_ms(const Consumer *consumer) noexcept;

int consumer_fetch_delay_ms(const Consumer *consumer) noexcept; // see KafkaClient::fetch_delay

const char *consumer_library_version() noexcept; // the version of librdkafka

} // namespace heartbeat
