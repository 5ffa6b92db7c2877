// Generator, templates: finds the precision with which a template writes the times of readings.
#include "template_times.h"

#include <algorithm>

namespace heartbeat::generator {

namespace {

constexpr int64_t kafka_resolution = 1000; // the timestamp of a Kafka message has milliseconds

void take_finest(std::optional<int64_t> *finest, int64_t resolution) {
    *finest = std::min(finest->value_or(resolution), resolution);
}

} // namespace

void TemplateTimes::note(const Placeholder &placeholder, bool in_repeat) {
    const int64_t resolution = placeholder.format.resolution();
    switch (placeholder.field) {
    case Field::time:
        if (in_repeat && placeholder.format.is_time_of_day())
            day_zone_ = placeholder.format.zone();
        take_finest(in_repeat ? &of_readings_ : &of_message_, resolution);
        break;
    case Field::start_time:
        take_finest(&of_message_, resolution);
        break;
    case Field::offset:
        take_finest(&of_offsets_, resolution);
        break;
    default:
        break;
    }
}

// ${offset} is the time from the start time of the message to the reading. The program that reads the message
// adds ${offset} to the start time. If one of these two times is in seconds and the other in milliseconds,
// the sum is exact only to a second.
int64_t TemplateTimes::resolution() const {
    std::optional<int64_t> finest = of_readings_;
    if (of_offsets_)
        take_finest(&finest, std::max(*of_offsets_, of_message_.value_or(*of_offsets_)));
    return finest.value_or(of_message_.value_or(kafka_resolution));
}

} // namespace heartbeat::generator
