// Create one of these guards before you start a thread. The new thread inherits the blocked signals or the
// timer slack. Each file of this folder that starts a thread uses a guard.
#pragma once

#include <csignal>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace heartbeat {

// Blocks all signals while the guard exists. A thread that is started during this time inherits the blocked
// signals. So only the server's own thread handles signals.
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

// Every second, librdkafka's main thread sleeps for whole milliseconds until a timer is due. Then the thread
// runs a busy loop for the rest of a millisecond. A thread that is started while this guard exists can wake
// up as much as 2 ms after its timer is due. So the thread does not need the busy loop. Network events and
// other threads wake the thread without this delay.
class TimersSlackened {
  public:
    TimersSlackened() noexcept { set(slack_ns); }
    ~TimersSlackened() { set(0); } // 0 sets the slack with which the thread began
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
