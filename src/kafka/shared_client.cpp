// Destroys librdkafka's client on the last thread that uses the client. The threads that use the client share
// the pipe and the turns in this file.
#include "kafka/shared_client.h"

#include <fcntl.h>
#include <unistd.h>

namespace heartbeat {

std::atomic<int> SharedClient::count_{0};

Wake::Wake() noexcept {
    if (pipe2(ends_, O_NONBLOCK | O_CLOEXEC) != 0)
        ends_[0] = ends_[1] = -1;
}

Wake::~Wake() {
    for (int end : ends_)
        if (end >= 0)
            close(end);
}

void Wake::ring() const noexcept {
    // if the pipe is full, its reader is already awake
    [[maybe_unused]] ssize_t written = write(ends_[1], "1", 1);
}

void Wake::empty() const noexcept {
    char bytes[64];
    while (read(ends_[0], bytes, sizeof(bytes)) > 0)
        ;
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
