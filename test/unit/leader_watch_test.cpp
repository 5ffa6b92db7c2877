// Unit test: if several consumers share a client, only one consumer asks a leader for the end offsets.
#include "kafka/leader_watch.h"

#include <chrono>
#include <gtest/gtest.h>

using namespace heartbeat;

namespace {

ClientInbox *const one = reinterpret_cast<ClientInbox *>(1);
ClientInbox *const two = reinterpret_cast<ClientInbox *>(2);

} // namespace

TEST(LeaderWatch, LetsOneConsumerAskForAll) {
    LeaderWatch watch;
    LeaderWatch::Clock::time_point now{};
    EXPECT_TRUE(watch.must_ask(one, 7, now));
    EXPECT_FALSE(watch.must_ask(two, 7, now));
    EXPECT_TRUE(watch.must_ask(two, 8, now)) << "each leader has its own watcher";
    EXPECT_TRUE(watch.must_ask(one, 7, now + std::chrono::seconds(2)));
    EXPECT_FALSE(watch.must_ask(two, 7, now + std::chrono::seconds(7)));
    EXPECT_TRUE(watch.must_ask(two, 7, now + std::chrono::seconds(9))) << "the watcher has not asked";
    EXPECT_FALSE(watch.must_ask(one, 7, now + std::chrono::seconds(9)));
}

TEST(LeaderWatch, LetsAllAskWhileTheLeaderIsSilent) {
    LeaderWatch watch;
    LeaderWatch::Clock::time_point now{};
    watch.must_ask(one, 7, now);
    uint64_t news = watch.news();
    EXPECT_FALSE(watch.hear(7, true));
    EXPECT_EQ(watch.news(), news);
    EXPECT_TRUE(watch.hear(7, false));
    EXPECT_FALSE(watch.hear(7, false)) << "the consumers know it already";
    EXPECT_NE(watch.news(), news);
    EXPECT_TRUE(watch.must_ask(two, 7, now));
    EXPECT_FALSE(watch.hear(7, true));
    EXPECT_FALSE(watch.must_ask(two, 7, now));
}

TEST(LeaderWatch, HasAnotherWatcherWhenOneLeaves) {
    LeaderWatch watch;
    LeaderWatch::Clock::time_point now{};
    watch.must_ask(one, 7, now);
    EXPECT_FALSE(watch.leave(two));
    uint64_t news = watch.news();
    EXPECT_TRUE(watch.leave(one));
    EXPECT_NE(watch.news(), news);
    EXPECT_TRUE(watch.must_ask(two, 7, now));
}
