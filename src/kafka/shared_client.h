// librdkafka's client, which several threads share. A call of librdkafka can take longer than its timeout. So
// each thread that asks a question keeps the client alive until its call returns, even if the consumer is
// closed earlier.
#pragma once

#include "kafka/owned.h"
#include "kafka/wake_pipe.h"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <memory>
#include <mutex>
#include <string>

namespace heartbeat {

// Wakes a consumer. librdkafka, and threads that have an answer, write the consumer's number into the pipe of
// the process, or into a pipe of the consumer.
class Wake {
  public:
    explicit Wake(const WakeTarget &target); // see is_open()

    bool is_open() const noexcept { return pipe_->is_open(); }
    const WakePipe &pipe() const noexcept { return *pipe_; }
    const uint32_t &number() const noexcept { return number_; }
    void ring() const noexcept { pipe_->ring(number_); }
    void empty() const noexcept; // empties the consumer's own pipe; the process empties its pipe itself

  private:
    std::unique_ptr<WakePipe> own_;
    const WakePipe *pipe_;
    uint32_t number_;
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
