// Decides which consumer of a client asks a leader for end offsets. The question also checks that the leader
// answers. The consumers of a client share the connection to the leader, so it is enough if one consumer, the
// watcher, asks. The other consumers get the end offsets with librdkafka's fetches. Each KafkaClient has a
// LeaderWatch. LeaderWatch itself asks no leader.
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

    // Returns whether this consumer must ask the leader now. The watcher must ask. If the leader is silent,
    // every consumer must ask. This consumer becomes the watcher if there is no watcher, or if the watcher's
    // last question is more than 6 seconds old. May throw std::bad_alloc.
    bool must_ask(const ClientInbox *consumer, int32_t leader, Clock::time_point now);

    // Stores whether the leader has answered a consumer. Returns true if the leader has just become silent.
    // All consumers must then call must_ask() again.
    bool hear(int32_t leader, bool answers) noexcept;

    // Call this function when the consumer stops asking. Returns true if the consumer was a watcher. The
    // other consumers must then call must_ask() again, so that one of them becomes the watcher.
    bool leave(const ClientInbox *consumer) noexcept;

    // Returns a number that grows each time the consumers must call must_ask() again.
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
