// Librdkafka's client as several threads hold it. A call of librdkafka may outlast its timeout,
// so a thread that asks keeps the client alive until it comes back, whatever its consumer does meanwhile.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <future>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <mutex>
#include <string>

namespace heartbeat {

// A pipe. The end to wait on becomes readable when librdkafka has queued something, or a thread has an
// answer.
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
    void empty() const noexcept; // before looking at what the pipe told of, so that no ring falls between

  private:
    int ends_[2] = {-1, -1};
};

// The last thread that lets go of it destroys librdkafka's client, which may take long.
class SharedClient {
  public:
    SharedClient();
    ~SharedClient();
    SharedClient(const SharedClient &) = delete;
    SharedClient &operator=(const SharedClient &) = delete;

    rd_kafka_t *handle = nullptr;
    rd_kafka_topic_t *topic_handle = nullptr;
    std::string topic;
    std::string group;
    std::promise<void> destroyed;

    // Assignments are made in the order in which they were asked for, whichever thread runs first.
    void wait_for_turn(uint64_t turn);
    void end_turn();
    uint64_t turns_given = 0; // the consumer's

    // How many exist in this process, also those that their consumers have left behind.
    static int count() noexcept { return count_.load(); }

  private:
    std::mutex mutex_;
    std::condition_variable turn_ended_;
    uint64_t turns_ended_ = 0;
    static std::atomic<int> count_;
};

} // namespace heartbeat
