// Generator, simulate: generates heart-rate readings of simulated customers. A seed and a start time make a
// run repeatable.
#include "simulate.h"

#include "decode/timestamp.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace heartbeat::generator {

int64_t simulate_wall_clock() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Simulator::Simulator(const SimulationSettings &settings, Clock wall_clock)
    : settings_(settings), wall_clock_(wall_clock), heart_rates_(settings.seed, settings.anomaly_rate) {
    if (!settings_.start_time)
        last_wall_time_.resize(settings_.customers, 0);
}

bool Simulator::next(Reading *reading) {
    if (!next_event_time(&reading->event_time))
        return false;

    const int size = snprintf(reading->customer_id, sizeof(reading->customer_id), "CUST-%04u", customer_ + 1);
    reading->customer_id_size = static_cast<uint16_t>(size);
    reading->heart_rate = heart_rates_.next();

    if (++customer_ == settings_.customers) {
        customer_ = 0;
        round_time_rest_ += settings_.interval_ns;
        round_time_ += round_time_rest_ / 1000;
        round_time_rest_ %= 1000;
    }
    return true;
}

bool Simulator::next_event_time(int64_t *event_time) {
    if (!settings_.start_time) {
        // The clock can give the same time twice, or go back. Each event time of a customer must be later
        // than the customer's last event time.
        int64_t &last = last_wall_time_[customer_];
        last = std::max(wall_clock_(), last + 1);
        *event_time = last;
        return true;
    }

    // In each interval every customer has one reading. `share` spreads these readings evenly over the
    // interval. The formula divides first: the product interval_ns * customer_ could need more than 64 bits.
    const int64_t share = settings_.interval_ns / settings_.customers * customer_ +
                          settings_.interval_ns % settings_.customers * customer_ / settings_.customers;
    const int64_t elapsed = round_time_ + (round_time_rest_ + share) / 1000;
    if (settings_.duration && elapsed >= *settings_.duration)
        return false;
    if (elapsed > simulate_last_event_time - *settings_.start_time)
        return false;
    *event_time = *settings_.start_time + elapsed;
    return true;
}

} // namespace heartbeat::generator
