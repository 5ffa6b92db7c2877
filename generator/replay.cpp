// Generator, replay: converts the lines of a file or of standard input into messages. The payload of a
// message has exactly the bytes of the line.
//
// A pipe can be empty for a long time. During this time the run must handle delivery reports and Ctrl-C, but
// a C++ stream would wait for the next byte. So the replay calls poll() and read() on a file descriptor.
#include "replay.h"

#include "replay_key.h"

#include <algorithm>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace heartbeat::generator {

namespace {

constexpr size_t read_size = size_t{256} * 1024;
constexpr int wait_ms = 20;
// The highest value that librdkafka accepts for message.max.bytes. No message of Kafka can be larger.
constexpr size_t longest_line = 1'000'000'000;

} // namespace

ReplaySource::ReplaySource(const std::string &path) : path_(path == "-" ? "standard input" : path) {
    fd_ = path == "-" ? STDIN_FILENO : open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd_ < 0)
        throw std::system_error(errno, std::generic_category(), "--replay: " + path);
}

ReplaySource::~ReplaySource() {
    if (fd_ != STDIN_FILENO)
        close(fd_);
}

SourceState ReplaySource::next(Message *message) {
    if (take_line(message))
        return SourceState::message;
    if (end_)
        return SourceState::end;
    const SourceState state = read_more();
    if (state != SourceState::message)
        return state;
    return take_line(message) ? SourceState::message : end_ ? SourceState::end : SourceState::waiting;
}

bool ReplaySource::take_line(Message *message) {
    size_t newline = buffer_.find('\n', scanned_);
    if (newline == std::string::npos) {
        scanned_ = buffer_.size();
        if (!end_ || begin_ == buffer_.size())
            return false;
        newline = buffer_.size(); // the last line has no newline
    }
    const std::string_view line = std::string_view(buffer_).substr(begin_, newline - begin_);
    begin_ = scanned_ = std::min(newline + 1, buffer_.size());
    lines_++;

    const auto key = replay_key(line);
    message->key = key.value_or(std::string_view());
    message->has_key = key.has_value();
    message->payload = line;
    message->headers = {};
    message->timestamp_ms = 0;
    return true;
}

// Reads more bytes into the buffer. Returns `message` if the function has read bytes, or if the file has
// ended. The caller then calls take_line() again.
SourceState ReplaySource::read_more() {
    pollfd readable{fd_, POLLIN, 0};
    const int ready = poll(&readable, 1, wait_ms);
    if (ready == 0 || (ready < 0 && errno == EINTR))
        return SourceState::waiting;

    buffer_.erase(0, begin_);
    scanned_ -= begin_;
    begin_ = 0;
    if (buffer_.size() > longest_line) {
        error_ = path_ + ": line " + std::to_string(lines_ + 1) + " has more than " +
                 std::to_string(longest_line) + " bytes, the most that a message can have";
        return SourceState::failed;
    }
    const size_t size = buffer_.size();
    buffer_.resize(size + read_size);
    const ssize_t got = read(fd_, buffer_.data() + size, read_size);
    const int reason = errno;
    buffer_.resize(size + static_cast<size_t>(std::max<ssize_t>(got, 0)));

    if (got < 0) {
        if (reason == EINTR || reason == EAGAIN)
            return SourceState::waiting;
        error_ = path_ + ": " + std::generic_category().message(reason);
        return SourceState::failed;
    }
    end_ = got == 0;
    return SourceState::message;
}

} // namespace heartbeat::generator
