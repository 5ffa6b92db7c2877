// Generator, replay: converts the lines of a file or of standard input into messages. The payload of a
// message has exactly the bytes of the line. make_source.cpp uses this source for --replay.
#pragma once

#include "message.h"

#include <string>

namespace heartbeat::generator {

class ReplaySource : public Source {
  public:
    // "-" is standard input. Throws std::system_error if the file cannot be opened.
    explicit ReplaySource(const std::string &path);
    ~ReplaySource() override;
    ReplaySource(const ReplaySource &) = delete;
    ReplaySource &operator=(const ReplaySource &) = delete;

    // An empty line is a message with an empty payload. The last line does not need a newline. Returns
    // `waiting` after a short time if the end of the line has not arrived yet. Returns `failed` if a line is
    // longer than the largest possible message of Kafka.
    SourceState next(Message *message) override;
    std::string error() const override { return error_; }

  private:
    bool take_line(Message *message);
    SourceState read_more();

    std::string path_;
    int fd_;
    std::string buffer_;
    size_t begin_ = 0;   // the first byte of buffer_ after the last message
    size_t scanned_ = 0; // the bytes from begin_ to scanned_ contain no newline
    uint64_t lines_ = 0; // how many lines next() has returned
    bool end_ = false;
    std::string error_;
};

} // namespace heartbeat::generator
