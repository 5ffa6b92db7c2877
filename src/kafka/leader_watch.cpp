// Stores the watcher of each leader. While the leader answers, only its watcher asks it for end offsets.
// topic_ranges.cpp calls this file on the threads of the consumers.
#include "kafka/leader_watch.h"

namespace heartbeat {

namespace {

// If the watcher has not asked the leader during this time, another consumer becomes the watcher.
constexpr std::chrono::seconds watcher_asks_within{6};

} // namespace

bool LeaderWatch::must_ask(const ClientInbox *consumer, int32_t leader, Clock::time_point now) {
    std::lock_guard lock(mutex_);
    Watched &watched = leaders_[leader];
    if (watched.watcher == nullptr || now > watched.asked_at + watcher_asks_within)
        watched.watcher = consumer;
    if (watched.watcher != consumer)
        return watched.silent;
    watched.asked_at = now;
    return true;
}

bool LeaderWatch::hear(int32_t leader, bool answers) noexcept {
    std::lock_guard lock(mutex_);
    auto found = leaders_.find(leader);
    if (found == leaders_.end() || found->second.silent == !answers)
        return false;
    found->second.silent = !answers;
    if (!answers)
        news_++;
    return !answers;
}

bool LeaderWatch::leave(const ClientInbox *consumer) noexcept {
    std::lock_guard lock(mutex_);
    bool watched_any = false;
    for (auto &[leader, watched] : leaders_)
        if (watched.watcher == consumer) {
            watched.watcher = nullptr;
            watched_any = true;
        }
    if (watched_any)
        news_++;
    return watched_any;
}

} // namespace heartbeat
