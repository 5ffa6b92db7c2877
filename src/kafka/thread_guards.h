// Guards to hold while a thread is started: the new thread inherits the blocked signals and the slack of the
// timers. Every file of this folder that starts a thread uses one.
#pragma once

#include <csignal>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace heartbeat {

// Signals are the server's business: while this lives, they are blocked, and a thread that is started
// inherits that.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;

  private:
    sigset_t before;
};

// librdkafka's main thread sleeps whole milliseconds towards its timers, once a second, and spins for the
// rest. A thread that is started while this lives wakes up as much later, and spins no more. What comes from
// the network or another thread wakes it as soon as ever.
class TimersSlackened {
  public:
    TimersSlackened() noexcept { set(slack_ns); }
    ~TimersSlackened() { set(0); } // as it was when the thread began
    TimersSlackened(const TimersSlackened &) = delete;
    TimersSlackened &operator=(const TimersSlackened &) = delete;

  private:
    static constexpr unsigned long slack_ns = 2000000;
    static void set([[maybe_unused]] unsigned long nanoseconds) noexcept {
#ifdef __linux__
        prctl(PR_SET_TIMERSLACK, nanoseconds);
#endif
    }
};

} // namespace heartbeat
