// Generator, dry run: writes payloads as lines to standard output instead of publishing them. The sink keeps
// lines in a buffer. A line counts as acknowledged when the sink has written it.
#include "print.h"

#include "stop.h"

#include <algorithm>
#include <cerrno>
#include <climits>
#include <poll.h>
#include <system_error>
#include <unistd.h>

namespace heartbeat::generator {

namespace {

constexpr size_t buffer_size = size_t{64} * 1024;
constexpr int slice_ms = 50; // longest delay until the sink notices the second Ctrl-C

void append_hex(std::string_view bytes, std::string *out) {
    constexpr std::string_view digits = "0123456789abcdef";
    const size_t before = out->size();
    out->resize(before + 2 * bytes.size());
    char *to = out->data() + before;
    for (const char c : bytes) {
        const auto byte = static_cast<unsigned char>(c);
        *to++ = digits[byte >> 4];
        *to++ = digits[byte & 15];
    }
}

} // namespace

SendResult PrintSink::send(const Message &message) {
    if (broken_)
        return SendResult::broken;
    if (form_ == PrintForm::hex_with_key) {
        append_hex(message.key, &buffer_);
        buffer_.push_back(' ');
    }
    if (form_ == PrintForm::text)
        buffer_.append(message.payload);
    else
        append_hex(message.payload, &buffer_);
    buffer_.push_back('\n');
    counts_.sent++;
    if (line_buffered_ || buffer_.size() >= buffer_size)
        write_out();
    return SendResult::sent;
}

void PrintSink::serve(int timeout_ms) {
    write_out();
    if (timeout_ms > 0)
        poll(nullptr, 0, timeout_ms);
}

void PrintSink::write_out() {
    size_t written = 0;
    while (!broken_ && written < buffer_.size()) {
        // If the output is a pipe, its reader can stop reading for a long time. A write() of at most PIPE_BUF
        // bytes does not wait for the reader if poll() has reported room in the pipe.
        pollfd writable{fd_, POLLOUT, 0};
        if (poll(&writable, 1, slice_ms) <= 0) {
            broken_ = stop_at_once();
            continue;
        }
        const ssize_t size =
            write(fd_, buffer_.data() + written, std::min<size_t>(buffer_.size() - written, PIPE_BUF));
        if (size >= 0) {
            written += static_cast<size_t>(size);
        } else if (errno != EINTR && errno != EAGAIN) {
            console_->error("standard output: " + std::generic_category().message(errno));
            broken_ = true;
        }
    }
    buffer_.clear();
    // After an error of write(), all lines of the buffer count as failed, because the generator does not know
    // how many of these lines were written.
    if (broken_)
        counts_.failed = counts_.sent - counts_.acknowledged;
    else
        counts_.acknowledged = counts_.sent;
}

} // namespace heartbeat::generator
