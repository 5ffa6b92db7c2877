// Generator, templates: finds the precision with which a template writes the times of readings. In a message,
// two readings of a device must not have the same time. template_tree.cpp calls note() for each placeholder.
#pragma once

#include "placeholder.h"

#include <cstdint>
#include <optional>

namespace heartbeat::generator {

class TemplateTimes {
  public:
    // `in_repeat`: the placeholder is inside $each, so it is written for each reading.
    void note(const Placeholder &placeholder, bool in_repeat);

    // The microseconds by which the times of two readings must differ.
    int64_t resolution() const;

    // Has a value if the template writes a time of day without a date for each reading. The value is the
    // offset of the time of day from UTC, in microseconds.
    std::optional<int64_t> day_zone() const { return day_zone_; }

  private:
    std::optional<int64_t> of_readings_; // the finest format of ${time} inside $each
    std::optional<int64_t> of_offsets_;  // the finest format of ${offset}
    std::optional<int64_t> of_message_;  // the finest format of ${start_time}, and of ${time} outside $each
    std::optional<int64_t> day_zone_;
};

} // namespace heartbeat::generator
