// Unit tests: which broker throttles the client, and for how long.
#include "kafka/throttle.h"

#include <gtest/gtest.h>

namespace heartbeat {
namespace {

class ThrottlesTest : public testing::Test {
  protected:
    static Throttles::Clock::time_point at(int milliseconds) {
        return Throttles::Clock::time_point(std::chrono::hours(1) + std::chrono::milliseconds(milliseconds));
    }
    Throttles throttles;
};

TEST_F(ThrottlesTest, HasNoThrottlingBrokerAtFirst) {
    EXPECT_EQ(throttles.worst(at(0)), nullptr);
}

TEST_F(ThrottlesTest, EndsFiveSecondsAfterTheDelay) {
    throttles.hear(1, "a:9092", 800, at(0));
    ASSERT_NE(throttles.worst(at(5799)), nullptr);
    EXPECT_STREQ(throttles.worst(at(5799))->name, "1 (a:9092)");
    EXPECT_EQ(throttles.worst(at(5800)), nullptr);
}

TEST_F(ThrottlesTest, LastsThroughAnAnswerWithoutDelay) {
    throttles.hear(1, "a:9092", 800, at(0));
    throttles.hear(1, "a:9092", 0, at(100));
    EXPECT_NE(throttles.worst(at(200)), nullptr);
}

TEST_F(ThrottlesTest, NamesTheBrokerThatDelaysMost) {
    throttles.hear(1, "a:9092", 800, at(0));
    throttles.hear(2, "b:9092", 900, at(0));
    EXPECT_EQ(throttles.worst(at(100))->broker, 2);
    throttles.hear(2, "b:9092", 100, at(200));
    EXPECT_EQ(throttles.worst(at(300))->broker, 1);
}

TEST_F(ThrottlesTest, KeepsALimitedNumberOfBrokers) {
    for (int broker = 0; broker < 100000; broker++)
        throttles.hear(broker, "a:9092", 1 + broker, at(0));
    EXPECT_EQ(throttles.worst(at(0))->milliseconds, 100);
}

} // namespace
} // namespace heartbeat
