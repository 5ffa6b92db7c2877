// Of all that librdkafka says of its brokers, the one thing that a person should read: a refusal
// (a password, a certificate) before a lost connection, and the same text for as long as nothing else is
// heard. And of each broker by its id, so that a partition's leader can be named with its address.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace heartbeat {

class BrokerErrors {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // `error` is an rd_kafka_resp_err_t, `text` what librdkafka said of it.
    void hear(int error, const char *text, Time now) noexcept;
    void forget() noexcept;               // a broker has answered
    void forget(int32_t broker) noexcept; // that one has

    const char *worst() const noexcept { return text_; } // empty: none

    // What was said last of the broker with that id, without its name; empty: nothing.
    const char *of(int32_t broker) const noexcept;

  private:
    struct Broker {
        int32_t id = -1;
        char text[200] = "";
    };
    void hear_of_broker(const char *text) noexcept;

    static constexpr size_t brokers_kept = 32;
    int rank_ = 0;
    Time heard_at_{};
    char text_[360] = "";
    Broker brokers_[brokers_kept];
    size_t next_ = 0; // to be overwritten
};

} // namespace heartbeat
