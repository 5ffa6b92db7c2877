// Stream half: of all that librdkafka says of its brokers, the one thing that a person should read: a refusal
// (a password, a certificate) before a lost connection, and the same text for as long as nothing else is
// heard.
#pragma once

#include <chrono>

namespace heartbeat {

class BrokerErrors {
  public:
    using Time = std::chrono::steady_clock::time_point;

    // `error` is an rd_kafka_resp_err_t, `text` what librdkafka said of it.
    void hear(int error, const char *text, Time now) noexcept;
    void forget() noexcept; // a broker has answered

    const char *worst() const noexcept { return text_; } // empty: none

  private:
    int rank_ = 0;
    Time heard_at_{};
    char text_[360] = "";
};

} // namespace heartbeat
