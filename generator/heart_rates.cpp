// Generator, simulate: makes heart rates. Most heart rates are normal, and some are anomalies.
//
// This file has its own distributions, because the same seed must give the same heart rates with every
// compiler and library. The C++ standard specifies the exact output of std::mt19937_64, but not the output of
// the distributions in <random>.
#include "heart_rates.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace heartbeat::generator {

namespace {

constexpr double normal_mean = 75;
constexpr double normal_deviation = 15;
constexpr double normal_lowest = 40;
constexpr double normal_highest = 180;

// The lowest and the highest heart rate that the generator makes. A faulty sensor can report such values.
constexpr int invalid_lowest = -60;
constexpr int invalid_highest = 400;

} // namespace

// Box-Muller transform. The argument of the logarithm must not be zero, so it is 1 minus the random number.
double HeartRates::next_normal() {
    const double radius = std::sqrt(-2 * std::log(1 - next_fraction()));
    const double deviation = radius * std::cos(2 * std::numbers::pi * next_fraction());
    return std::clamp(std::round(normal_mean + normal_deviation * deviation), normal_lowest, normal_highest);
}

// The classes BRADYCARDIA, TACHYCARDIA and INVALID are equally likely. An INVALID heart rate is too low or
// too high, with the same probability.
double HeartRates::next_anomaly() {
    switch (random_() % 3) {
    case 0:
        return next_integer(1, 39);
    case 1:
        return next_integer(181, 300);
    default:
        return random_() % 2 == 0 ? next_integer(invalid_lowest, 0) : next_integer(301, invalid_highest);
    }
}

double HeartRates::next_integer(int first, int last) {
    return first + static_cast<int>(random_() % static_cast<uint64_t>(last - first + 1));
}

} // namespace heartbeat::generator
