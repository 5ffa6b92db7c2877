// A pipe that wakes a waiting process when librdkafka has queued an event for a consumer, or when a thread
// has an answer for it. The consumers of a process share a pipe, and each writes its number into it. So the
// process knows which consumers to look at, and an idle consumer costs nothing.
#pragma once

#include <cstddef>
#include <cstdint>

namespace heartbeat {

class WakePipe {
  public:
    WakePipe() noexcept; // see is_open()
    ~WakePipe();
    WakePipe(const WakePipe &) = delete;
    WakePipe &operator=(const WakePipe &) = delete;

    bool is_open() const noexcept { return ends_[0] >= 0; }
    int wait_end() const noexcept { return ends_[0]; } // readable when a consumer has rung
    int ring_end() const noexcept { return ends_[1]; } // librdkafka writes a number of this size there
    void ring(uint32_t number) const noexcept;

    // Empties the pipe, and sets rung[number] for each number below `count` that was in it. Sets all of them
    // if the pipe was perhaps full, because then numbers may be missing. Call it before you take events and
    // answers: a ring() after it makes the pipe readable again.
    void take(bool *rung, size_t count) const noexcept;

  private:
    int ends_[2] = {-1, -1};
};

// Creates a pipe that lives as long as the process. nullptr: no memory or no descriptors are left.
const WakePipe *wake_pipe_create() noexcept;

// Where a consumer rings.
struct WakeTarget {
    const WakePipe *pipe; // nullptr: the consumer makes a pipe of its own
    uint32_t number;
};
inline constexpr WakeTarget own_pipe = {nullptr, 0};

} // namespace heartbeat
