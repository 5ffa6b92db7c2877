// librdkafka reports many errors of its brokers. This class chooses the most severe error, and heartbeat
// shows only this error to a person. For example, an error about a password or a certificate is more severe
// than a lost connection. A more severe error replaces the chosen error at once. Any other error replaces the
// chosen error only if librdkafka has not repeated the chosen error for 60 seconds. The class also keeps the
// last error of each broker. topic_leader.cpp uses the last error of a partition's leader to explain why the
// leader does not answer. The consumer client calls this class.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace heartbeat {

class BrokerErrors {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // `error` is an rd_kafka_resp_err_t, and `text` is librdkafka's text of this error.
    void hear(int error, const char *text, Time now) noexcept;

    // Forgets the chosen error. Call this function when any broker has answered.
    void forget() noexcept;
    // Forgets the last error of this broker. Call this function when this broker has answered.
    void forget(int32_t broker) noexcept;

    const char *worst() const noexcept { return text_; } // empty if there is no error

    // The last error of the broker with this id, without the broker's name. The text is empty if there is no
    // error.
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
    size_t next_ = 0; // index of the entry that the next new broker overwrites
};

} // namespace heartbeat
