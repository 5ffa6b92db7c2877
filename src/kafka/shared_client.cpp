// Destroys librdkafka's client on the last thread that uses the client. The threads that use the client share
// the wake and the turns in this file.
#include "kafka/shared_client.h"

namespace heartbeat {

std::atomic<int> SharedClient::count_{0};

Wake::Wake(const WakeTarget &target)
    : own_(target.pipe == nullptr ? std::make_unique<WakePipe>() : nullptr),
      pipe_(target.pipe == nullptr ? own_.get() : target.pipe), number_(target.number) {}

void Wake::empty() const noexcept {
    if (own_ != nullptr)
        own_->take(nullptr, 0);
}

SharedClient::SharedClient() {
    count_.fetch_add(1);
}

void SharedClient::wait_for_turn(uint64_t turn) {
    std::unique_lock lock(mutex_);
    turn_ended_.wait(lock, [=, this] { return turns_ended_ + 1 == turn; });
}

void SharedClient::end_turn() {
    std::lock_guard lock(mutex_);
    turns_ended_++;
    turn_ended_.notify_all();
}

SharedClient::~SharedClient() {
    topic_handle.reset();
    handle.reset(); // this call can take long, or never return
    count_.fetch_sub(1);
    destroyed.set_value();
}

} // namespace heartbeat
