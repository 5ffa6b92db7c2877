// Which brokers throttle the client by a quota, as they say with their answers to fetches.
// Called by librdkafka's throttle callback, inside the calls of whoever reads, and by consumer_throttled().
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace heartbeat {

class Throttles {
  public:
    using Clock = std::chrono::steady_clock;

    // The broker delays its answers by so many milliseconds from now on; 0: not this time. The name is
    // host:port. Throws std::bad_alloc.
    void hear(int32_t broker, const char *name, int milliseconds, Clock::time_point now);

    struct Throttle {
        int32_t broker;
        char name[128]; // id (host:port)
        int milliseconds;
        Clock::time_point until; // a broker that throttles still has said so again before
    };

    // The one that delays most; nullptr where none does.
    const Throttle *worst(Clock::time_point now) const;

    bool is_throttled(int32_t broker, Clock::time_point now) const noexcept;

  private:
    std::vector<Throttle> throttles_; // one for each broker at most
};

} // namespace heartbeat
