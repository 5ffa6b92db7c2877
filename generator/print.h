// Generator, dry run: writes payloads as lines to standard output instead of publishing them. run.cpp uses it
// for --dry-run.
#pragma once

#include "console.h"
#include "message.h"

#include <string>

namespace heartbeat::generator {

class PrintSink : public Sink {
  public:
    // If `line_buffered` is true, the sink writes each line at once. Otherwise the sink writes the lines when
    // the buffer is full.
    PrintSink(int fd, bool line_buffered, Console *console)
        : fd_(fd), line_buffered_(line_buffered), console_(console) {}

    SendResult send(const Message &message) override;
    // Writes the buffer, then sleeps.
    void serve(int timeout_ms) override;
    bool broken() const override { return broken_; }
    const Counts &counts() const override { return counts_; }

  private:
    void write_out();

    int fd_;
    bool line_buffered_;
    Console *console_;
    std::string buffer_;
    Counts counts_;
    bool broken_ = false;
};

} // namespace heartbeat::generator
