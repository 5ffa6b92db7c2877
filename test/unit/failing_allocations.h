// Unit test: makes an allocation with C++'s operator new fail. out_of_memory_test.cpp defines this operator
// for the test program.
#pragma once

#include <atomic>

namespace heartbeat {

inline constexpr long no_limit = -1;
extern std::atomic<long> allocations_left; // after this number of allocations, one allocation fails

// While an object of this class exists, the test's own allocations do not fail.
class Unlimited {
  public:
    Unlimited() : left_(allocations_left.exchange(no_limit)) {}
    ~Unlimited() { allocations_left = left_; }
    Unlimited(const Unlimited &) = delete;
    Unlimited &operator=(const Unlimited &) = delete;

  private:
    long left_;
};

} // namespace heartbeat
