// Reads assigned partitions of one topic into batches. Every call is made by one thread, waits
// for nothing but consumer_close(), and never throws; librdkafka's own threads run no code of this project.
// What librdkafka may wait in runs on threads of their own: see question.h, and the table of all its calls in
// docs/how-it-works.md.
#pragma once

#include "kafka/consumer_assign.h"
#include "kafka/consumer_fill.h"
#include "kafka/consumer_report.h"
#include "kafka/group_offsets.h"
#include "kafka/kafka_config.h"

namespace heartbeat {

class Consumer;

// What a process remembers of the messages that it has consumed, from one client to the next one. It lives as
// long as the process; nullptr: out of memory.
class ConsumerMemory;
ConsumerMemory *consumer_memory_create() noexcept;

// Without `memory` the client forgets what it has consumed when it is closed.
Consumer *consumer_open(const KafkaSettings &settings, Error *error,
                        ConsumerMemory *memory = nullptr) noexcept;

enum class CloseResult {
    closed,
    left_asking, // a question is under way: its thread closes the client when it comes back
    left,        // librdkafka did not let go of it in time, and keeps its memory and threads
};

// Waits no longer than consumer_close_ms, and less for a question. nullptr is fine.
inline constexpr int consumer_close_ms = 800;
CloseResult consumer_close(Consumer *consumer) noexcept;

// How many clients of this process have threads.
int consumer_clients() noexcept;

// Becomes readable when something is queued, or a question is answered; consumer_fill() until it is drained
// re-arms it. Look for answers after that.
int consumer_descriptor(const Consumer *consumer) noexcept;

// How often the topic is to be looked at, in milliseconds: topic.metadata.refresh.interval.ms.
int consumer_refresh_ms(const Consumer *consumer) noexcept;

const char *consumer_library_version() noexcept; // librdkafka's

} // namespace heartbeat
