// This class wakes the process for a consumer. librdkafka and the threads of questions write the consumer's
// number into a pipe. question.h and the files that open a client use this class.
#pragma once

#include "kafka/wake_pipe.h"

#include <memory>

namespace heartbeat {

// Writes into the pipe of the process, or into the consumer's own pipe.
class Wake {
  public:
    explicit Wake(const WakeTarget &target); // if no pipe can be made, is_open() returns false

    bool is_open() const noexcept { return pipe_->is_open(); }
    const WakePipe &pipe() const noexcept { return *pipe_; }
    WakeTarget target() const noexcept { return {pipe_, number_}; }
    const uint32_t &number() const noexcept { return number_; }
    void ring() const noexcept { pipe_->ring(number_); }
    void empty() const noexcept; // empties only the consumer's own pipe, not the pipe of the process

  private:
    std::unique_ptr<WakePipe> own_;
    const WakePipe *pipe_;
    uint32_t number_;
};

} // namespace heartbeat
