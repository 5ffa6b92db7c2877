// Generator, simulate: generates heart-rate readings of simulated customers. Two runs generate the same
// readings if all their settings are the same, including the seed and the start time. simulated_source.cpp
// calls this code.
#pragma once

#include "decode/reading.h"
#include "heart_rates.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace heartbeat::generator {

struct SimulationSettings {
    uint32_t customers = 20;
    double anomaly_rate = 0.05; // share of readings with an anomaly, 0 to 1
    uint64_t seed = 0;
    // the simulated time between two readings of one customer or device; at least 1000
    int64_t interval_ns = 500'000'000;
    std::optional<int64_t> start_time; // the first event time, in microseconds; without it, the wall clock
    std::optional<int64_t> duration;   // microseconds of simulated time; only with start_time
};

inline constexpr int64_t simulate_last_event_time = 253'402'300'799'999'999; // 9999-12-31 23:59:59.999999

// Returns the time of the system's clock in microseconds since 1970-01-01 UTC.
int64_t simulate_wall_clock() noexcept;

// In a round, generates one reading of each customer: CUST-0001, CUST-0002, and so on. The next round begins
// with CUST-0001 again. heartbeat identifies a reading by its customer_id and its event_timestamp, so two
// readings of one customer never have the same event time.
class Simulator {
  public:
    using Clock = int64_t (*)() noexcept;

    explicit Simulator(const SimulationSettings &settings, Clock wall_clock = simulate_wall_clock);

    // Returns false after the simulated duration, or if the event time is later than
    // simulate_last_event_time.
    bool next(Reading *reading);

  private:
    bool next_event_time(int64_t *event_time);

    SimulationSettings settings_;
    Clock wall_clock_;
    HeartRates heart_rates_;
    uint32_t customer_ = 0;               // the customer of the next reading
    int64_t round_time_ = 0;              // simulated time of this round's first reading, microseconds
    int64_t round_time_rest_ = 0;         // the rest of this time, less than a microsecond, in nanoseconds
    std::vector<int64_t> last_wall_time_; // the last event time of each customer
};

} // namespace heartbeat::generator
