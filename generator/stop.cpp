// Generator: counts Ctrl-C and SIGTERM.
#include "stop.h"

#include <csignal>

namespace heartbeat::generator {

namespace {

volatile std::sig_atomic_t requests = 0;

void count_request(int) {
    if (requests < 2)
        requests = requests + 1;
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
    return requests > 1;
}

} // namespace heartbeat::generator
