// Writes the numbers of consumers into a pipe, and reads the numbers. librdkafka's threads and the threads of
// question.h write to the pipe. The main thread reads from the pipe.
#include "kafka/wake_pipe.h"

#include <algorithm>
#include <fcntl.h>
#include <new>
#include <unistd.h>

namespace heartbeat {

namespace {

constexpr size_t numbers_at_once = 512;
// If a user has too many pipes, Linux gives a new pipe only one page. So a pipe may be full after this number
// of bytes.
constexpr size_t perhaps_full = 4096;

} // namespace

WakePipe::WakePipe() noexcept {
    if (pipe2(ends_, O_NONBLOCK | O_CLOEXEC) != 0)
        ends_[0] = ends_[1] = -1;
}

WakePipe::~WakePipe() {
    for (int end : ends_)
        if (end >= 0)
            close(end);
}

void WakePipe::ring(uint32_t number) const noexcept {
    // if the pipe is full, the number is lost, but take() then sets all elements of `rung`
    [[maybe_unused]] ssize_t written = write(ends_[1], &number, sizeof(number));
}

bool WakePipe::take(bool *rung, size_t count) const noexcept {
    uint32_t numbers[numbers_at_once];
    size_t taken = 0;
    bool all = false;
    ssize_t size;
    while ((size = read(ends_[0], numbers, sizeof(numbers))) > 0) {
        taken += static_cast<size_t>(size);
        for (size_t i = 0; i < static_cast<size_t>(size) / sizeof(uint32_t); i++) {
            all = all || numbers[i] == every_consumer;
            if (numbers[i] < count)
                rung[numbers[i]] = true;
        }
    }
    if (all || taken >= perhaps_full)
        std::fill_n(rung, count, true);
    return taken > 0;
}

const WakePipe *wake_pipe_create() noexcept {
    auto *pipe = new (std::nothrow) WakePipe;
    if (pipe == nullptr || pipe->is_open())
        return pipe;
    delete pipe;
    return nullptr;
}

} // namespace heartbeat
