// Generator: a file whose age tells, to whatever looks after this process, when Kafka last accepted a
// message.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace heartbeat::generator {

class AliveFile {
  public:
    using Clock = std::chrono::steady_clock;

    // Makes the file, or makes it as old as can be: nothing has been accepted yet. Throws std::system_error.
    explicit AliveFile(std::string path);

    // Touches the file where more messages have been acknowledged than before, once a second at most.
    void note(uint64_t acknowledged, Clock::time_point now = Clock::now());

  private:
    std::string path_;
    uint64_t last_acknowledged_ = 0;
    Clock::time_point next_;
};

} // namespace heartbeat::generator
