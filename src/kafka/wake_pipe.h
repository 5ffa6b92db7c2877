// A pipe that wakes a waiting process when a consumer has an event of librdkafka or the answer of a thread.
// The consumers of a process share a pipe, and librdkafka writes the number of a consumer into this pipe. So
// the process calls only the consumers that have an event or an answer, and an idle consumer needs no CPU
// time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class WakePipe {
  public:
    WakePipe() noexcept; // if no pipe can be made, is_open() returns false
    ~WakePipe();
    WakePipe(const WakePipe &) = delete;
    WakePipe &operator=(const WakePipe &) = delete;

    bool is_open() const noexcept { return ends_[0] >= 0; }
    int wait_end() const noexcept { return ends_[0]; } // readable when there is a number in the pipe
    int ring_end() const noexcept { return ends_[1]; } // librdkafka writes the 4 bytes of a number here
    void ring(uint32_t number) const noexcept;

    // Empties the pipe, and sets `rung[number]` for each number below `count` that was in the pipe. Returns
    // false if the pipe was empty. The function sets all elements of `rung` if the pipe had every_consumer.
    // The function also sets all elements if the pipe was perhaps full, because numbers may then be missing.
    // Call this function before you take events and answers, and not after. Otherwise the function could
    // remove the number of a consumer whose event you have not taken.
    bool take(bool *rung, size_t count) const noexcept;

  private:
    int ends_[2] = {-1, -1};
};

// Creates a pipe that lives as long as the process. Returns nullptr if no memory or no descriptors are left.
const WakePipe *wake_pipe_create() noexcept;

// The pipe of a consumer, and the consumer's number in this pipe.
struct WakeTarget {
    const WakePipe *pipe; // nullptr: the consumer makes a pipe of its own
    uint32_t number;
};
inline constexpr WakeTarget own_pipe = {nullptr, 0};
inline constexpr uint32_t every_consumer = UINT32_MAX; // the number that stands for all consumers

} // namespace heartbeat
