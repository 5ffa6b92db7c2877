// Generator, simulate: makes the readings of messages for a template. A message can have several readings,
// and a customer can have several devices. The times of the readings have the precision with which the
// template writes times. template_source.cpp calls this code.
#pragma once

#include "heart_rates.h"
#include "message_template.h"
#include "simulate.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace heartbeat::generator {

struct MessageSettings {
    // `interval_ns` is the time between two readings of one device. This time is at least the resolution.
    SimulationSettings simulation;
    uint32_t devices = 1;   // the number of devices of each customer
    uint32_t samples = 1;   // the number of readings in a message
    int64_t resolution = 1; // in microseconds; all times of readings are multiples of this number
    // The offset of a time zone from UTC, in microseconds. If this member has a value, all readings of a
    // message are of the same day in this time zone. If not, a message can have readings of several days.
    std::optional<int64_t> day_zone;
};

// In a round, makes one message of each device, in the order of the customers: for example DEV-0001-1 and
// DEV-0001-2 of CUST-0001, then DEV-0002-1 of CUST-0002. Two readings of one device never have the same time.
// With one device for each customer, one reading in a message and a resolution of a microsecond, this class
// makes the same readings as the class Simulator.
class MessageSimulator {
  public:
    explicit MessageSimulator(const MessageSettings &settings,
                              Simulator::Clock wall_clock = simulate_wall_clock);

    // Returns false if the simulated duration has passed, or if a reading would have a time after the year
    // 9999. The duration limits only the first reading of a message: the message's other readings can be
    // later.
    bool next(MessageReadings *readings);

  private:
    bool set_times(std::vector<Sample> *samples);
    void set_wall_times(std::vector<Sample> *samples);
    void end_at_midnight(std::vector<Sample> *samples) const;
    void next_turn();

    MessageSettings settings_;
    Simulator::Clock wall_clock_;
    HeartRates heart_rates_;
    uint64_t messages_ = 0;
    uint32_t customer_ = 0;          // the customer of the next message
    uint32_t device_ = 0;            // the device of the next message
    int64_t round_time_ = 0;         // simulated time of this round's first reading, microseconds
    int64_t round_time_rest_ = 0;    // the rest of this time, less than a microsecond, in nanoseconds
    std::vector<int64_t> last_time_; // the time of the last reading of each device, by the wall clock
};

} // namespace heartbeat::generator
