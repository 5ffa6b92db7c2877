// Decides which consumer of a client asks a leader for end offsets. A leader that answers one consumer
// answers the other consumers of the client too, so one of them asks for all: the watcher. The end offsets of
// the other consumers arrive with librdkafka's fetches. KafkaClient has the object. It asks nothing itself.
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

    // Returns whether this consumer must ask the leader now: it is the watcher, it becomes the watcher
    // because no other consumer has asked for a while, or the leader is silent. May throw std::bad_alloc.
    bool must_ask(const ClientInbox *consumer, int32_t leader, Clock::time_point now);

    // Records whether the leader has answered a consumer. Returns true if the leader has just become silent:
    // all consumers must look at their leaders now.
    bool hear(int32_t leader, bool answers) noexcept;

    // The consumer asks no more. Returns true if it was a watcher: another consumer must become the watcher.
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
