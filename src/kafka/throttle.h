// This class records which brokers throttle the client because of a quota. A broker reports its delay in the
// answer to a fetch request. librdkafka passes the report to a callback in kafka_client.cpp, and
// consumer_client.cpp then stores the report here. consumer_throttled() and topic_ranges.cpp read the
// reports.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

class Throttles {
  public:
    using Clock = std::chrono::steady_clock;

    // Call this function when the broker reports that it delays its answers by `milliseconds`. If
    // `milliseconds` is 0, the broker has not delayed this answer. `name` is host:port. Throws
    // std::bad_alloc.
    void hear(int32_t broker, const char *name, int milliseconds, Clock::time_point now);

    struct Throttle {
        int32_t broker;
        char name[128]; // id (host:port)
        int milliseconds;
        // if the broker sends no new report before this time, the throttling is over at this time
        Clock::time_point until;
    };

    // Returns the broker with the longest delay, or nullptr if no broker throttles the client.
    const Throttle *worst(Clock::time_point now) const;

    bool is_throttled(int32_t broker, Clock::time_point now) const noexcept;

  private:
    std::vector<Throttle> throttles_; // at most one for each broker
};

} // namespace heartbeat
