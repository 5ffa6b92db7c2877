// Decides which consumer of a client asks a leader for end offsets. If a leader answers one consumer, it also
// answers the other consumers of the client. So only one consumer, the watcher, asks this leader. The other
// consumers get their end offsets with librdkafka's fetches. Each KafkaClient has a LeaderWatch. LeaderWatch
// itself asks no leader.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>

namespace heartbeat {

struct ClientInbox;

class LeaderWatch {
  public:
    using Clock = std::chrono::steady_clock;

    // Returns whether this consumer must ask the leader now. This consumer must ask in three cases: it is the
    // watcher; it becomes the watcher, because there is no watcher or the watcher has not asked for 6
    // seconds; or the leader is silent. May throw std::bad_alloc.
    bool must_ask(const ClientInbox *consumer, int32_t leader, Clock::time_point now);

    // Records whether the leader has answered a consumer. Returns true if the leader has just become silent.
    // All consumers must then call must_ask() again.
    bool hear(int32_t leader, bool answers) noexcept;

    // Call this function when the consumer stops asking. Returns true if the consumer was a watcher. Another
    // consumer must then become the watcher.
    bool leave(const ClientInbox *consumer) noexcept;

    // Grows each time that the consumers must call must_ask() again.
    uint64_t news() const noexcept { return news_.load(); }

  private:
    struct Watched {
        const ClientInbox *watcher = nullptr;
        Clock::time_point asked_at;
        bool silent = false;
    };
    std::mutex mutex_;
    std::map<int32_t, Watched> leaders_;
    std::atomic<uint64_t> news_{0};
};

} // namespace heartbeat
