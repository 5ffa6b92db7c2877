// Unit tests of the generator: when the next message is due.
#include "pace.h"

#include <gtest/gtest.h>

namespace heartbeat::generator {
namespace {

using std::chrono::milliseconds;

TEST(Pace, EveryMessageIsDueWithoutAGap) {
    const Pacer pacer(0);
    EXPECT_FALSE(pacer.paced());
    EXPECT_EQ(pacer.wait_ms(1'000'000), 0);
}

TEST(Pace, MessagesAreSpacedEvenly) {
    const Pacer::Clock::time_point start;
    const Pacer pacer(25e6, start);
    EXPECT_EQ(pacer.wait_ms(0, start), 0);
    EXPECT_EQ(pacer.wait_ms(4, start + milliseconds(100)), 0);
    EXPECT_GE(pacer.wait_ms(4, start + milliseconds(90)), 10);
    EXPECT_LE(pacer.wait_ms(4, start + milliseconds(90)), 11);
}

TEST(Pace, ALateMessageDoesNotDelayTheNext) {
    const Pacer::Clock::time_point start;
    const Pacer pacer(25e6, start);
    EXPECT_EQ(pacer.wait_ms(5, start + milliseconds(1000)), 0);
    EXPECT_EQ(pacer.wait_ms(40, start + milliseconds(1000)), 0);
    EXPECT_GT(pacer.wait_ms(41, start + milliseconds(1000)), 0);
}

TEST(Pace, CountsAllDueMessages) {
    const Pacer::Clock::time_point start;
    const Pacer pacer(1000, start);
    EXPECT_EQ(pacer.due(start - milliseconds(1)), 0U);
    EXPECT_EQ(pacer.due(start), 1U);
    EXPECT_EQ(pacer.due(start + milliseconds(2)), 2001U);
    EXPECT_EQ(pacer.wait_ms(2000, start + milliseconds(2)), 0);
    EXPECT_GT(pacer.wait_ms(2001, start + milliseconds(2)), 0);
    EXPECT_EQ(Pacer(0).due(), UINT64_MAX);
}

// If a short wait were rounded down to zero, the loop would not wait, and would use the CPU all the time.
TEST(Pace, ShortWaitsAreRoundedUp) {
    const Pacer::Clock::time_point start;
    const Pacer pacer(1000, start);
    EXPECT_EQ(pacer.wait_ms(1, start), 1);
}

} // namespace
} // namespace heartbeat::generator
