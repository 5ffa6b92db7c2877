// Generator: writes errors and information to standard error, and on a terminal also one progress line. The
// other parts of the generator use the class Console for this.
#pragma once

#include "message.h"

#include <chrono>
#include <cstdio>
#include <string>

namespace heartbeat::generator {

class Console {
  public:
    // If `quiet` is true, the console writes only errors: no progress and no information.
    explicit Console(bool quiet, FILE *out = stderr);

    void info(const std::string &text);
    void error(const std::string &text);

    // Shows the progress of the run: only on a terminal, and at most four times a second.
    void progress(const Counts &counts);
    void clear_progress();

  private:
    using Clock = std::chrono::steady_clock;

    void line(const std::string &text);

    FILE *out_;
    bool quiet_;
    bool terminal_;
    bool shown_ = false;
    Clock::time_point last_time_;
    uint64_t last_acknowledged_ = 0;
};

// Returns a text such as "sent 40, acknowledged 38, 39.7/s, errors 0, in flight 2".
std::string console_counts(const Counts &counts, double per_second);

} // namespace heartbeat::generator
