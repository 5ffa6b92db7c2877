// Generator, simulate: generates heart-rate readings of simulated customers. A seed and a start time make a
// run repeatable.
//
// The same seed must give the same bytes with every compiler and library. The standard specifies each bit of
// std::mt19937_64, but not of the distributions of <random>. So this file makes its distributions itself.
#include "simulate.h"

#include "decode/timestamp.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <numbers>

namespace heartbeat::generator {

namespace {

constexpr double normal_mean = 75;
constexpr double normal_deviation = 15;
constexpr double normal_lowest = 40;
constexpr double normal_highest = 180;

// The range of invalid heart rates. A faulty sensor can give such values.
constexpr int invalid_lowest = -60;
constexpr int invalid_highest = 400;

constexpr int64_t last_event_time = 253'402'300'799'999'999; // 9999-12-31 23:59:59.999999

} // namespace

int64_t simulate_wall_clock() noexcept {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return std::chrono::duration_cast<std::chrono::microseconds>(now).count();
}

Simulator::Simulator(const SimulationSettings &settings, Clock wall_clock)
    : settings_(settings), wall_clock_(wall_clock), random_(settings.seed) {
    if (!settings_.start_time)
        last_wall_time_.resize(settings_.customers, 0);
}

bool Simulator::next(Reading *reading) {
    if (!next_event_time(&reading->event_time))
        return false;

    const int size = snprintf(reading->customer_id, sizeof(reading->customer_id), "CUST-%04u", customer_ + 1);
    reading->customer_id_size = static_cast<uint16_t>(size);
    reading->heart_rate = next_heart_rate();

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
        // than the customer's last one.
        int64_t &last = last_wall_time_[customer_];
        last = std::max(wall_clock_(), last + 1);
        *event_time = last;
        return true;
    }

    // Spreads the customers' turns evenly over the interval. It divides before it multiplies, so that the
    // product fits into 64 bits.
    const int64_t share = settings_.interval_ns / settings_.customers * customer_ +
                          settings_.interval_ns % settings_.customers * customer_ / settings_.customers;
    const int64_t elapsed = round_time_ + (round_time_rest_ + share) / 1000;
    if (settings_.duration && elapsed >= *settings_.duration)
        return false;
    if (elapsed > last_event_time - *settings_.start_time)
        return false;
    *event_time = *settings_.start_time + elapsed;
    return true;
}

double Simulator::next_heart_rate() {
    return next_fraction() < settings_.anomaly_rate ? next_anomaly() : next_normal();
}

// Box-Muller transform. It uses 1 minus the first fraction, so that the argument of the logarithm is never
// zero.
double Simulator::next_normal() {
    const double radius = std::sqrt(-2 * std::log(1 - next_fraction()));
    const double deviation = radius * std::cos(2 * std::numbers::pi * next_fraction());
    return std::clamp(std::round(normal_mean + normal_deviation * deviation), normal_lowest, normal_highest);
}

// The three classes of anomalies are equally likely. The two kinds of invalid readings are equally likely
// too.
double Simulator::next_anomaly() {
    switch (random_() % 3) {
    case 0:
        return next_integer(1, 39);
    case 1:
        return next_integer(181, 300);
    default:
        return random_() % 2 == 0 ? next_integer(invalid_lowest, 0) : next_integer(301, invalid_highest);
    }
}

double Simulator::next_fraction() {
    return static_cast<double>(random_() >> 11) * 0x1p-53;
}

double Simulator::next_integer(int first, int last) {
    return first + static_cast<int>(random_() % static_cast<uint64_t>(last - first + 1));
}

} // namespace heartbeat::generator
