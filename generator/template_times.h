// Generator, templates: finds the precision with which a template writes the times of readings. The simulator
// needs this precision, because the template must write different times for two readings of a device.
// template_tree.cpp calls note() for each placeholder.
#pragma once

#include "placeholder.h"

#include <cstdint>
#include <optional>

namespace heartbeat::generator {

class TemplateTimes {
  public:
    // `in_repeat`: the placeholder is inside $each, so it is written for each reading.
    void note(const Placeholder &placeholder, bool in_repeat);

    // Returns an interval in microseconds. If two readings of a device are at least this interval apart, the
    // template writes different times for these readings.
    int64_t resolution() const;

    // Has a value if the template writes the time of day of each reading, but not the date. The value is the
    // offset of the time of day from UTC, in microseconds.
    std::optional<int64_t> day_zone() const { return day_zone_; }

  private:
    std::optional<int64_t> of_readings_; // the finest resolution of ${time} inside $each
    std::optional<int64_t> of_offsets_;  // the finest resolution of ${offset}
    std::optional<int64_t> of_message_;  // the finest resolution of ${start_time}, and ${time} outside $each
    std::optional<int64_t> day_zone_;
};

} // namespace heartbeat::generator
