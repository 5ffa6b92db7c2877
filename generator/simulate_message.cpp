// Generator, simulate: makes the readings of messages for a template.
#include "simulate_message.h"

#include <algorithm>
#include <cstdio>

namespace heartbeat::generator {

namespace {

constexpr int64_t day_us = 86'400'000'000;

template <typename... Numbers> void print_to(std::string *out, const char *format, Numbers... numbers) {
    char text[64];
    snprintf(text, sizeof(text), format, numbers...);
    out->assign(text);
}

} // namespace

MessageSimulator::MessageSimulator(const MessageSettings &settings, Simulator::Clock wall_clock)
    : settings_(settings), wall_clock_(wall_clock),
      heart_rates_(settings.simulation.seed, settings.simulation.anomaly_rate) {
    if (!settings_.simulation.start_time)
        last_time_.resize(size_t{settings_.simulation.customers} * settings_.devices, 0);
}

bool MessageSimulator::next(MessageReadings *readings) {
    readings->samples.resize(settings_.samples);
    if (!settings_.simulation.start_time)
        set_wall_times(&readings->samples);
    else if (!set_times(&readings->samples))
        return false;
    if (settings_.day_zone)
        end_at_midnight(&readings->samples);
    for (Sample &sample : readings->samples)
        sample.heart_rate = heart_rates_.next();

    readings->message_number = ++messages_;
    readings->customer_number = customer_ + 1;
    readings->device_number = device_ + 1;
    print_to(&readings->customer_id, "CUST-%04u", customer_ + 1);
    print_to(&readings->device_id, "DEV-%04u-%u", customer_ + 1, device_ + 1);
    next_turn();
    return true;
}

// The last reading is the newest, and gets the time of the wall clock. Each other reading is one interval
// older than the reading after it.
void MessageSimulator::set_wall_times(std::vector<Sample> *samples) {
    const int64_t resolution = settings_.resolution;
    const int64_t interval_ns = settings_.simulation.interval_ns;
    int64_t &last = last_time_[size_t{customer_} * settings_.devices + device_];
    const int64_t now = wall_clock_();
    int64_t before =
        static_cast<int64_t>(samples->size()); // the number of readings that do not yet have a time
    for (Sample &sample : *samples) {
        const int64_t time = now - --before * interval_ns / 1000;
        // The clock may return the same time for two messages, or may be set back. Even then each reading
        // gets a later time than the previous reading of its device.
        sample.time = last = std::max(time - time % resolution, last + resolution);
    }
}

// Returns false at the end of the simulation.
bool MessageSimulator::set_times(std::vector<Sample> *samples) {
    const SimulationSettings &simulation = settings_.simulation;
    // In a round each device has one message. `share` spreads the messages of the customers evenly over the
    // round. The formula divides first: the product round_ns * customer_ could need more than 64 bits.
    const int64_t round_ns = simulation.interval_ns * settings_.samples;
    const int64_t share = round_ns / simulation.customers * customer_ +
                          round_ns % simulation.customers * customer_ / simulation.customers;
    int64_t after_ns = round_time_rest_ + share;
    if (simulation.duration && round_time_ + after_ns / 1000 >= *simulation.duration)
        return false;
    for (Sample &sample : *samples) {
        const int64_t elapsed = round_time_ + after_ns / 1000;
        if (elapsed > simulate_last_event_time - settings_.resolution - *simulation.start_time + 1)
            return false;
        const int64_t time = *simulation.start_time + elapsed + settings_.resolution - 1;
        sample.time = time - time % settings_.resolution; // rounds up to a multiple of the resolution
        after_ns += simulation.interval_ns;
    }
    return true;
}

// Removes the readings that are not on the day of the first reading.
void MessageSimulator::end_at_midnight(std::vector<Sample> *samples) const {
    const auto day_of = [zone = *settings_.day_zone](const Sample &sample) {
        return (sample.time + zone + day_us) / day_us; // add a day, so that the quotient is not negative
    };
    const int64_t day = day_of(samples->front());
    const auto end = std::find_if(samples->begin(), samples->end(),
                                  [&](const Sample &sample) { return day_of(sample) != day; });
    samples->erase(end, samples->end());
}

void MessageSimulator::next_turn() {
    if (++device_ < settings_.devices)
        return;
    device_ = 0;
    if (++customer_ < settings_.simulation.customers)
        return;
    customer_ = 0;
    round_time_rest_ += settings_.simulation.interval_ns * settings_.samples;
    round_time_ += round_time_rest_ / 1000;
    round_time_rest_ %= 1000;
}

} // namespace heartbeat::generator
