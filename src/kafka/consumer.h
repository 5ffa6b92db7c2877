// Opens and closes the consumer client, which reads assigned partitions of one topic into batches. One thread
// makes all calls. They never throw, and only consumer_close() waits. Calls of librdkafka that can wait run
// on separate threads: see question.h, and the table of all these calls in docs/how-it-works.md. librdkafka's
// own threads run no code of heartbeat, except Connections::hear().
#pragma once

#include "kafka/consumer_assign.h"
#include "kafka/consumer_fill.h"
#include "kafka/consumer_report.h"
#include "kafka/error.h"
#include "kafka/group_offsets.h"
#include "kafka/kafka_settings.h"

namespace heartbeat {

class Consumer;

// The marks of messages that the process has consumed. The next client of the process uses them too, so the
// memory lives as long as the process. nullptr: out of memory.
class ConsumerMemory;
ConsumerMemory *consumer_memory_create() noexcept;

// Without `memory`, the client forgets the consumed messages when it is closed.
Consumer *consumer_open(const KafkaSettings &settings, Error *error,
                        ConsumerMemory *memory = nullptr) noexcept;

enum class CloseResult {
    closed,
    left_asking, // a question is under way: its thread closes the client when librdkafka returns
    left,        // librdkafka did not destroy the client in time, and keeps its memory and threads
};

// Waits at most consumer_close_ms, and less if a question is under way. nullptr is allowed.
inline constexpr int consumer_close_ms = 800;
CloseResult consumer_close(Consumer *consumer) noexcept;

// The number of this process's clients that librdkafka has not destroyed yet.
int consumer_clients() noexcept;

// The descriptor becomes readable when librdkafka queues an event or a message, or when a question has an
// answer. It signals again after consumer_fill() has returned FillResult::drained. Take the answers after
// that call.
int consumer_descriptor(const Consumer *consumer) noexcept;

// The period in milliseconds in which the caller asks for the topic: topic.metadata.refresh.interval.ms.
int consumer_refresh_ms(const Consumer *consumer) noexcept;

const char *consumer_library_version() noexcept; // the version of librdkafka

} // namespace heartbeat
