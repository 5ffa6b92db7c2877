// Closes a consumer. The call that destroys librdkafka's client may never return. This can happen if the
// topic was deleted while the client was reading the topic. So a separate thread makes this call.
#include "kafka/consumer.h"
#include "kafka/consumer_client.h"
#include "kafka/thread_guards.h"

#include <algorithm>
#include <chrono>
#include <future>
#include <memory>
#include <new>
#include <thread>
#include <utility>
#include <vector>

#ifdef __GLIBC__
#include <malloc.h>
#endif

namespace heartbeat {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int close_asking_ms = 300;           // most questions get an answer within this time
constexpr std::chrono::seconds hangs_after{5}; // hangs_at() adds two times KafkaClient::fetch_delay

// A consumer whose client a thread is destroying. While the client exists, librdkafka's threads may use the
// consumer's fields, so consumers_closing() frees the consumer later.
struct Closing {
    Consumer *consumer;
    std::future<void> destroyed;
    Clock::time_point hangs_at; // when the destruction counts as hanging
};
std::vector<Closing> closing; // only the main thread uses this list

Clock::time_point hangs_at(const Consumer &consumer) {
    return Clock::now() + hangs_after + 2 * consumer.shared->client->fetch_delay;
}

// Gives the client to a thread that destroys the client.
void let_go(std::shared_ptr<SharedClient> shared) {
    SignalsBlocked blocked;
    // The thread that releases the last shared_ptr destroys the client, and the destruction may never end. So
    // a new thread releases the caller's shared_ptr. If there is no memory or no thread, the caller releases
    // its shared_ptr itself.
    auto *share = new (std::nothrow) std::shared_ptr<SharedClient>(std::move(shared));
    if (share == nullptr)
        shared.reset();
    else
        try {
            std::thread([share] { delete share; }).detach();
        } catch (...) {
            delete share;
        }
}

bool is_destroyed(const std::future<void> &destroyed, int milliseconds) {
    return destroyed.wait_for(std::chrono::milliseconds(milliseconds)) == std::future_status::ready;
}

// Ends the consumer's use of the client. If no other consumer uses the client, retires the client, so that no
// new consumer shares the client before let_go() destroys it.
void stop_reading(Consumer *consumer) {
    if (consumer->queue == nullptr)
        return;
    rd_kafka_queue_io_event_enable(consumer->queue, -1, nullptr, 0);
    consumer->queue = nullptr;
    KafkaClient *client = consumer->shared->client.get();
    if (!client->leave(&consumer->inbox))
        kafka_client_retire(client);
}

} // namespace

CloseResult consumer_close(Consumer *consumer) noexcept {
    consumers_closing(0); // frees the consumers whose clients librdkafka has destroyed since the last call
    if (consumer == nullptr)
        return CloseResult::closed;
    consumer->finish_ahead();
    stop_reading(consumer);
    if (consumer->shared != nullptr)
        try {
            bool asking = consumer->shared.use_count() > 1;
            closing.reserve(closing.size() + 1);
            std::future<void> destroyed = consumer->shared->destroyed.get_future();
            Clock::time_point hangs = hangs_at(*consumer);
            let_go(std::move(consumer->shared));
            if (!is_destroyed(destroyed, asking ? close_asking_ms : consumer_close_ms)) {
                closing.push_back({consumer, std::move(destroyed), hangs});
                return asking ? CloseResult::left_asking : CloseResult::left;
            }
        } catch (...) {
            return CloseResult::left; // let_go() was not called, so the client stays until the process ends
        }
    delete consumer;
    return CloseResult::closed;
}

void consumer_close_later(Consumer *consumer, bool retire) noexcept {
    if (consumer == nullptr)
        return;
    consumer->finish_ahead();
    stop_reading(consumer);
    if (retire)
        kafka_client_retire(consumer->shared->client.get());
    try {
        closing.reserve(closing.size() + 1);
        closing.push_back({consumer, consumer->shared->destroyed.get_future(), hangs_at(*consumer)});
        let_go(std::move(consumer->shared));
    } catch (...) {
        // let_go() was not called, so the client stays until the process ends
    }
}

ClosingConsumers consumers_closing(int milliseconds) noexcept {
    Clock::time_point now = Clock::now();
    Clock::time_point until = now + std::chrono::milliseconds(milliseconds);
    ClosingConsumers left = {0, 0};
    auto is_done = [&](Closing &one) {
        auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(until - Clock::now()).count();
        if (is_destroyed(one.destroyed, std::max(static_cast<int>(wait), 0))) {
            delete one.consumer;
            return true;
        }
        left.count++;
        left.hanging += now > one.hangs_at ? 1 : 0;
        return false;
    };
    auto end = std::remove_if(closing.begin(), closing.end(), is_done);
    [[maybe_unused]] bool any_destroyed = end != closing.end();
    closing.erase(end, closing.end());
#ifdef __GLIBC__
    if (any_destroyed)
        malloc_trim(0); // returns the freed memory of librdkafka's threads to the operating system
#endif
    return left;
}

} // namespace heartbeat
