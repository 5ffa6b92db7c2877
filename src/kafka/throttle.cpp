// Remembers the last delay of each broker until the delay and a grace period are over. This file reads no
// clock: the caller passes the time.
#include "kafka/throttle.h"

#include "decode/utf8_text.h"

#include <algorithm>

namespace heartbeat {

namespace {

// The grace period. When the delay is over, the client asks the broker again, and the broker's answer has the
// next delay. The answer may take fetch.wait.max.ms plus the time in the network.
constexpr std::chrono::seconds grace{5};
constexpr size_t brokers_max = 100; // the limit for the remembered delays

} // namespace

void Throttles::hear(int32_t broker, const char *name, int milliseconds, Clock::time_point now) {
    auto known = std::find_if(throttles_.begin(), throttles_.end(),
                              [=](const Throttle &throttle) { return throttle.broker == broker; });
    if (milliseconds <= 0)
        // A report without a delay does not end the throttling: the broker has not delayed this answer, but
        // can delay its next answer.
        return;
    if (known == throttles_.end()) {
        if (throttles_.size() == brokers_max)
            return;
        known = throttles_.insert(throttles_.end(), Throttle{});
    }
    known->broker = broker;
    known->milliseconds = milliseconds;
    known->until = now + std::chrono::milliseconds(milliseconds) + grace;
    utf8_print(known->name, sizeof(known->name), "%d (%s)", broker, name);
}

const Throttles::Throttle *Throttles::worst(Clock::time_point now) const {
    const Throttle *worst = nullptr;
    for (const Throttle &throttle : throttles_)
        if (now < throttle.until && (worst == nullptr || throttle.milliseconds > worst->milliseconds))
            worst = &throttle;
    return worst;
}

bool Throttles::is_throttled(int32_t broker, Clock::time_point now) const noexcept {
    return std::any_of(throttles_.begin(), throttles_.end(),
                       [=](const Throttle &one) { return one.broker == broker && now < one.until; });
}

} // namespace heartbeat
