// Generator, simulate: makes heart rates. Most heart rates are normal, and some are anomalies. simulate.cpp
// and simulate_message.cpp use the class HeartRates.
#pragma once

#include <cstdint>
#include <random>

namespace heartbeat::generator {

// The same seed gives the same heart rates with every compiler and library.
class HeartRates {
  public:
    // anomaly_rate: the share of anomalies, from 0 to 1.
    HeartRates(uint64_t seed, double anomaly_rate) : random_(seed), anomaly_rate_(anomaly_rate) {}

    double next() { return next_fraction() < anomaly_rate_ ? next_anomaly() : next_normal(); }

  private:
    double next_normal();
    double next_anomaly();
    double next_integer(int first, int last);

    // Returns a random number with a uniform distribution in [0, 1).
    double next_fraction() { return static_cast<double>(random_() >> 11) * 0x1p-53; }

    std::mt19937_64 random_;
    double anomaly_rate_;
};

} // namespace heartbeat::generator
