// Generator, dry run: writes payloads as lines to standard output instead of publishing them. run.cpp uses
// this code for --dry-run.
#pragma once

#include "console.h"
#include "message.h"

#include <string>

namespace heartbeat::generator {

// The form of a printed message. `text` is the payload unchanged. `hex` is the payload as hexadecimal digits.
// `hex_with_key` is the key and the payload as hexadecimal digits, with a space between them.
enum class PrintForm { text, hex, hex_with_key };

class PrintSink : public Sink {
  public:
    // If `line_buffered` is true, the sink writes each line at once. If it is false, the sink writes lines
    // when its buffer is full.
    PrintSink(int fd, bool line_buffered, PrintForm form, Console *console)
        : fd_(fd), line_buffered_(line_buffered), form_(form), console_(console) {}

    SendResult send(const Message &message) override;
    // Writes the buffer, then sleeps.
    void serve(int timeout_ms) override;
    bool broken() const override { return broken_; }
    const Counts &counts() const override { return counts_; }

  private:
    void write_out();

    int fd_;
    bool line_buffered_;
    PrintForm form_;
    Console *console_;
    std::string buffer_;
    Counts counts_;
    bool broken_ = false;
};

} // namespace heartbeat::generator
