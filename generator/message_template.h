// Generator, templates: the compiled form of a template. This form is a list of steps. Each step has a text,
// and then a placeholder or an array. template_compile.cpp makes the steps, and template_source.cpp writes
// messages with the steps.
#pragma once

#include "placeholder.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

struct Sample {
    int64_t time; // microseconds since 1970-01-01 UTC
    double heart_rate;
};

// The readings of one message, in the order of their times. All readings are of the same device of one
// customer.
struct MessageReadings {
    uint64_t message_number;  // the number of the message in this run, from 1
    uint32_t customer_number; // from 1
    uint32_t device_number;   // the number of the device of this customer, from 1
    std::string customer_id;
    std::string device_id;
    std::vector<Sample> samples; // at least one
};

// A step writes the text `before`. Then a step of the kind `field` writes a placeholder, and a step of the
// kind `repeat` writes an array or an object.
struct Step {
    enum class Kind { text, field, repeat };

    std::string before;
    Kind kind = Kind::text;
    Placeholder placeholder{}; // only for `field`
    // The other members are only for `repeat`.
    bool is_object = false; // true: the step writes an object, and not an array
    size_t count = 0;
    size_t stride = 0; // the number of readings in each element
    std::vector<Step> each{};
};

struct HeaderTemplate {
    std::string name;
    std::vector<Step> value;
};

struct TemplateTree;

struct MessageTemplate {
    std::shared_ptr<const TemplateTree> tree; // formats with a schema use the tree
    std::vector<Step> value;
    std::optional<std::vector<Step>> key;
    std::vector<HeaderTemplate> headers;

    size_t samples = 1;     // the number of readings in a message
    int64_t resolution = 1; // microseconds by which the times of two readings must differ
    bool has_repeat = false;
    bool has_device = false;
    // The offset of the times of day from UTC, in microseconds. Has a value only if the template writes one
    // date for a message, and for each reading only a time of day. A message of this template must not have
    // readings of two days.
    std::optional<int64_t> day_zone;
};

// Appends a message with these readings to *out. The function makes UUIDs with `random`. `first` is the index
// of the first reading that the steps write.
void template_write(const std::vector<Step> &steps, const MessageReadings &readings, std::mt19937_64 *random,
                    std::string *out, size_t first = 0);

// Converts a heart rate in beats per minute to the unit. If the unit is an interval between beats, returns 0
// for a heart rate of 0, because JSON has no infinite numbers.
double template_heart_rate(HeartRateUnit unit, double heart_rate);

} // namespace heartbeat::generator
