// For each broker, librdkafka has a thread that fetches messages. A question to the broker wakes this thread.
// fetcher_wake() asks such a question only to wake the thread, and no function uses the answer.
// consumer_fill.cpp calls fetcher_wake() when the queue is empty. The function asks only if the client has
// read many bytes since the last question.
#include "kafka/fetcher_wake.h"

#include "kafka/consumer_client.h"
#include "kafka/partition_list.h"
#include "kafka/question.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace heartbeat {

namespace {

// A quarter of the default that kafka_config.cpp sets for queued.max.messages.kbytes.
[[maybe_unused]] constexpr size_t bytes_before_wake = size_t{4} << 20;
// The timeout of the question. Until the question has ended, fetcher_wake() does not ask again.
[[maybe_unused]] constexpr int wake_timeout_ms = 1000;

} // namespace

void fetcher_wake(Consumer *consumer) noexcept {
#if RD_KAFKA_VERSION < 0x020200ff
    if (consumer->bytes_taken < bytes_before_wake || consumer->taken_from.empty() ||
        (consumer->waking != nullptr && !consumer->waking->done.load()))
        return;
    consumer->bytes_taken = 0;
    try {
        consumer->waking = question_ask<CallAnswer>(
            consumer->shared, consumer->wake,
            [partitions = std::move(consumer->taken_from)](SharedClient &client) {
                ListPointer list = partition_list_make(
                    client, partitions.size(), [&](size_t i) { return partitions[i]; },
                    [](size_t) { return RD_KAFKA_OFFSET_END; });
                rd_kafka_offsets_for_times(client.handle(), list.get(), wake_timeout_ms);
                return CallAnswer();
            });
    } catch (...) {
        // If this file cannot ask the question, the thread that fetches messages wakes up by itself later.
    }
    consumer->taken_from.clear();
#else
    (void)consumer;
#endif
}

void fetcher_note_taken(Consumer *consumer, const rd_kafka_message_t *message) {
#if RD_KAFKA_VERSION < 0x020200ff
    consumer->bytes_taken += message->len;
    std::vector<int32_t> &from = consumer->taken_from;
    if (message->rkt != nullptr && (from.empty() || from.back() != message->partition) &&
        std::find(from.begin(), from.end(), message->partition) == from.end())
        from.push_back(message->partition);
#else
    (void)consumer;
    (void)message;
#endif
}

} // namespace heartbeat
