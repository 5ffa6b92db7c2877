// Generator: computes when the next message is due. run.cpp calls this code. This file does not wait.
#pragma once

#include <chrono>
#include <cstdint>

namespace heartbeat::generator {

// Spaces messages evenly. A late message does not delay the messages after it, so the average rate is right.
class Pacer {
  public:
    using Clock = std::chrono::steady_clock;

    // gap_ns: nanoseconds between two messages. 0: all messages are due immediately.
    explicit Pacer(double gap_ns, Clock::time_point start = Clock::now()) : gap_ns_(gap_ns), start_(start) {}

    bool paced() const { return gap_ns_ > 0; }

    // Returns the milliseconds until message number `index` (from 0) is due, or 0 if the message is already
    // due. The result is rounded up, so that a caller never waits 0 ms for a message that is not due.
    int64_t wait_ms(uint64_t index, Clock::time_point now = Clock::now()) const {
        if (!paced())
            return 0;
        const double elapsed_ns = std::chrono::duration<double, std::nano>(now - start_).count();
        const double wait_ns = static_cast<double>(index) * gap_ns_ - elapsed_ns;
        return wait_ns <= 0 ? 0 : static_cast<int64_t>(wait_ns / 1e6) + 1;
    }

    // Returns how many messages have become due since the start, including the messages that the caller has
    // already sent. The caller can send all these messages before it calls this function again, and need not
    // read the clock for each message.
    uint64_t due(Clock::time_point now = Clock::now()) const {
        if (!paced())
            return UINT64_MAX;
        const double elapsed_ns = std::chrono::duration<double, std::nano>(now - start_).count();
        return elapsed_ns < 0 ? 0 : static_cast<uint64_t>(elapsed_ns / gap_ns_) + 1;
    }

  private:
    double gap_ns_;
    Clock::time_point start_;
};

} // namespace heartbeat::generator
