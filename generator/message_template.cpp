// Generator, templates: writes a message with a template. This code runs for each message, so it must be
// fast: it only appends to a text.
#include "message_template.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace heartbeat::generator {

namespace {

template <typename Number> void append_number(Number number, std::string *out) {
    std::array<char, 32> text; // std::to_chars() writes at most 24 characters for a number
    const char *end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
    out->append(text.data(), static_cast<size_t>(end - text.data()));
}

// A random UUID (version 4, RFC 9562).
void append_uuid(std::mt19937_64 *random, std::string *out) {
    constexpr std::string_view digits = "0123456789abcdef";
    constexpr std::string_view form = "xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx";
    uint64_t bits = (*random)();
    size_t used = 0;
    for (const char c : form) {
        if (c != 'x' && c != 'y') {
            out->push_back(c);
            continue;
        }
        if (used++ == 16)
            bits = (*random)();
        const uint64_t digit = c == 'y' ? (bits & 3) | 8 : bits & 15;
        out->push_back(digits[digit]);
        bits >>= 4;
    }
}

class Writer {
  public:
    Writer(const MessageReadings &readings, std::mt19937_64 *random, std::string *out)
        : readings_(readings), random_(random), out_(out) {}

    // `first` is the index of the first reading that the steps write.
    void write(const std::vector<Step> &steps, size_t first) {
        for (const Step &step : steps) {
            out_->append(step.before);
            if (step.kind == Step::Kind::field)
                write_field(step.placeholder, first);
            else if (step.kind == Step::Kind::repeat)
                write_repeat(step, first);
        }
    }

  private:
    // If the template writes one date for all readings of a message, the message ends at midnight. Then it
    // can have fewer readings than `$repeat` of the template says.
    void write_repeat(const Step &step, size_t first) {
        out_->push_back(step.is_object ? '{' : '[');
        for (size_t i = 0; i < step.count && first + i * step.stride < readings_.samples.size(); i++) {
            if (i > 0)
                out_->push_back(',');
            write(step.each, first + i * step.stride);
        }
        out_->push_back(step.is_object ? '}' : ']');
    }

    void write_field(const Placeholder &placeholder, size_t reading) {
        const std::vector<Sample> &samples = readings_.samples;
        switch (placeholder.field) {
        case Field::customer_id:
            out_->append(readings_.customer_id);
            break;
        case Field::customer_number:
            append_number(readings_.customer_number, out_);
            break;
        case Field::device_id:
            out_->append(readings_.device_id);
            break;
        case Field::device_number:
            append_number(readings_.device_number, out_);
            break;
        case Field::heart_rate:
            append_number(template_heart_rate(placeholder.unit, samples[reading].heart_rate), out_);
            break;
        case Field::time:
            placeholder.format.append(samples[reading].time, out_);
            break;
        case Field::start_time:
            placeholder.format.append(samples.front().time, out_);
            break;
        case Field::end_time:
            placeholder.format.append(samples.back().time, out_);
            break;
        case Field::offset:
            placeholder.format.append(samples[reading].time - samples.front().time, out_);
            break;
        case Field::duration:
            placeholder.format.append(samples.back().time - samples.front().time, out_);
            break;
        case Field::message_number:
            append_number(readings_.message_number, out_);
            break;
        case Field::uuid:
            append_uuid(random_, out_);
            break;
        }
    }

    const MessageReadings &readings_;
    std::mt19937_64 *random_;
    std::string *out_;
};

} // namespace

double template_heart_rate(HeartRateUnit unit, double heart_rate) {
    switch (unit) {
    case HeartRateUnit::hz:
        return heart_rate / 60;
    case HeartRateUnit::rr_ms:
        return heart_rate == 0 ? 0 : 60'000 / heart_rate;
    case HeartRateUnit::rr_s:
        return heart_rate == 0 ? 0 : 60 / heart_rate;
    case HeartRateUnit::bpm:
        break;
    }
    return heart_rate;
}

void template_write(const std::vector<Step> &steps, const MessageReadings &readings, std::mt19937_64 *random,
                    std::string *out, size_t first) {
    Writer(readings, random, out).write(steps, first);
}

} // namespace heartbeat::generator
