// Generator: a file for health checks. The age of the file shows when Kafka last acknowledged a message.
// run.cpp uses the class AliveFile for the option --alive-file.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace heartbeat::generator {

class AliveFile {
  public:
    using Clock = std::chrono::steady_clock;

    // Creates the file, and sets its time to 1970, so that a health check fails until Kafka acknowledges a
    // message. Throws std::system_error.
    explicit AliveFile(std::string path);

    // If the number of acknowledged messages has changed since the last touch, touches the file, but at most
    // once a second.
    void note(uint64_t acknowledged, Clock::time_point now = Clock::now());

  private:
    std::string path_;
    uint64_t last_acknowledged_ = 0;
    Clock::time_point next_;
};

} // namespace heartbeat::generator
