// Generator: counts SIGINT (Ctrl-C) and SIGTERM. The handler calls only functions that are safe in a signal
// handler.
#include "stop.h"

#include <csignal>
#include <cstdint>
#include <ctime>

namespace heartbeat::generator {

namespace {

constexpr int64_t nanoseconds = 1'000'000'000;
// After SIGTERM the generator waits this long for the messages in flight. The time is short, because the
// sender of SIGTERM soon sends SIGKILL.
constexpr time_t drain_seconds = 1;

volatile std::sig_atomic_t requests = 0;
volatile std::sig_atomic_t told_to_end = 0;
timespec told_at; // the time of the first SIGTERM; valid if told_to_end is 1, which the handler sets last

void count_request(int signal) {
    if (requests < 2)
        requests = requests + 1;
    if (signal != SIGTERM || told_to_end != 0)
        return;
    clock_gettime(CLOCK_MONOTONIC, &told_at);
    told_to_end = 1;
}

} // namespace

void stop_install_handlers() {
    struct sigaction action = {};
    action.sa_handler = count_request;
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, nullptr);
    sigaction(SIGTERM, &action, nullptr);
    action.sa_handler = SIG_IGN;
    sigaction(SIGPIPE, &action, nullptr);
}

bool stop_requested() {
    return requests > 0;
}

bool stop_at_once() {
    if (requests > 1 || told_to_end == 0)
        return requests > 1;
    timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    const int64_t waited_ns = (now.tv_sec - told_at.tv_sec) * nanoseconds + now.tv_nsec - told_at.tv_nsec;
    return waited_ns >= drain_seconds * nanoseconds;
}

} // namespace heartbeat::generator
