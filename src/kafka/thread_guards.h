// Two guards: SignalsBlocked blocks signals, and TimersSlackened sets the timer slack. Create a guard before
// you start a thread, because a new thread inherits this state. Each file of this folder that starts a thread
// uses a guard.
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

// Saves CPU time of librdkafka's main thread. A timer of this thread is due every second. The thread can only
// sleep for whole milliseconds. So it wakes up a little before the timer is due, and runs a busy loop until
// then. A thread that is started while this guard exists can wake up as much as 2 ms later. The timer is then
// already due, so the thread does not need the busy loop. Network events and other threads wake the thread
// without this delay.
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
