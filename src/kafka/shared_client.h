// librdkafka's client, which several threads share. A call of librdkafka can take longer than its timeout. So
// each thread that asks a question keeps the client alive until its call returns, even if the consumer is
// closed earlier.
#pragma once

#include "kafka/owned.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>

namespace heartbeat {

// A pipe. Its read end becomes readable when librdkafka has queued an event, or when a thread has an answer.
class Wake {
  public:
    Wake() noexcept; // see is_open()
    ~Wake();
    Wake(const Wake &) = delete;
    Wake &operator=(const Wake &) = delete;

    bool is_open() const noexcept { return ends_[0] >= 0; }
    int wait_end() const noexcept { return ends_[0]; }
    int ring_end() const noexcept { return ends_[1]; }
    void ring() const noexcept;
    // Call it before you take events and answers. If a thread calls ring() later, the pipe becomes readable
    // again.
    void empty() const noexcept;

  private:
    int ends_[2] = {-1, -1};
};

// The last thread that releases this object destroys librdkafka's client. This can take a long time.
class SharedClient {
  public:
    SharedClient();
    ~SharedClient();
    SharedClient(const SharedClient &) = delete;
    SharedClient &operator=(const SharedClient &) = delete;

    ClientPointer handle;
    TopicPointer topic_handle; // the destructor destroys it before the client
    std::string topic;
    std::string group;
    std::promise<void> destroyed;

    // Threads make assignments in the order of their turns, even if a later thread runs first.
    void wait_for_turn(uint64_t turn);
    void end_turn();
    uint64_t turns_given = 0; // only the consumer's thread uses it

    // The number of clients in this process. It includes the clients whose consumers are closed already.
    static int count() noexcept { return count_.load(); }

  private:
    std::mutex mutex_;
    std::condition_variable turn_ended_;
    uint64_t turns_ended_ = 0;
    static std::atomic<int> count_;
};

} // namespace heartbeat
