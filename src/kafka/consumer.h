// Opens and closes the consumer client. The client reads assigned partitions of one topic into batches. Call
// all functions of this header on the same thread. The functions never throw. Only consumer_close() and
// consumers_closing() wait for librdkafka. A separate thread makes each other call of librdkafka that can
// wait: see question.h. docs/how-it-works.md has a table of all calls of librdkafka. librdkafka's own threads
// run only one callback of heartbeat: on_broker_state() of connections.cpp.
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

// The marks of messages that the process has consumed (see decode/message_mark.h). This object lives longer
// than a client: the next client of the process uses the same marks. consumer_memory_create() returns nullptr
// if no memory is left.
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
// does not wait so long. If librdkafka has not destroyed the client in this time, a later call of
// consumer_close() or consumers_closing() frees the consumer. `consumer` may be nullptr.
inline constexpr int consumer_close_ms = 800;
CloseResult consumer_close(Consumer *consumer) noexcept;

// Begins to close the consumer, which may be nullptr. The function does not wait: a separate thread destroys
// the client. Several consumers can share a client of librdkafka. If `retire` is true, no later consumer gets
// this client, even if other consumers still use it.
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
// call consumer_fill() until it returns FillResult::drained, and then take the answers. Only after these
// calls does the next event make the descriptor readable again.
int consumer_descriptor(const Consumer *consumer) noexcept;

// Returns topic.metadata.refresh.interval.ms. The caller must ask the brokers about the topic at this
// interval.
int consumer_refresh_ms(const Consumer *consumer) noexcept;

int consumer_fetch_delay_ms(const Consumer *consumer) noexcept; // see KafkaClient::fetch_delay

const char *consumer_library_version() noexcept; // the version of librdkafka

} // namespace heartbeat
