// Generator, formats: writes a message in Avro or Protobuf. This code runs for each message, so it must be
// fast: it writes all bytes directly into the string of the message.
#include "binary_plan.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

namespace heartbeat::generator {

namespace {

constexpr int64_t day_us = 86'400'000'000;

template <typename Bits> void append_little_endian(Bits bits, std::string *out) {
    std::array<char, sizeof(Bits)> bytes;
    for (char &byte : bytes) {
        byte = static_cast<char>(bits & 0xff);
        bits >>= 8;
    }
    out->append(bytes.data(), bytes.size());
}

// Rounds the number, and limits it to the range of int64_t. For example, a heart rate with 18 digits after
// the decimal point is too large.
int64_t whole(double number) {
    constexpr double limit = 9.2e18;
    return std::llround(std::clamp(number, -limit, limit));
}

class Writer {
  public:
    Writer(bool is_avro, const MessageReadings &readings, std::mt19937_64 *random, std::string *out)
        : is_avro_(is_avro), readings_(readings), random_(random), out_(out) {}

    // `first` is the index of the first reading that the steps write.
    void write(const std::vector<BinaryStep> &steps, size_t first) {
        for (const BinaryStep &step : steps) {
            out_->append(step.before);
            switch (step.kind) {
            case BinaryStep::Kind::bytes:
                break;
            case BinaryStep::Kind::text:
                write_sized([&] { template_write(step.text, readings_, random_, out_, first); });
                break;
            case BinaryStep::Kind::number:
                write_number(step, first);
                break;
            case BinaryStep::Kind::repeat:
                write_repeat(step, first);
                break;
            case BinaryStep::Kind::nested:
                write_sized([&] { write(step.inner, first); });
                break;
            }
        }
    }

  private:
    // Writes the length of the content, and then the content. Reserves one byte for the length, because most
    // lengths fit into one byte. If the length needs more bytes, moves the content.
    template <typename Content> void write_sized(Content content) {
        const size_t at = out_->size();
        out_->push_back('\0');
        content();
        const size_t size = out_->size() - at - 1;
        const uint64_t length = is_avro_ ? uint64_t{size} * 2 : size;
        if (length < 0x80) {
            (*out_)[at] = static_cast<char>(length);
            return;
        }
        std::string prefix;
        append_varint(length, &prefix);
        out_->replace(at, 1, prefix);
    }

    // If the template writes one date for all readings of a message, the message ends at midnight. Then it
    // can have fewer readings than `$repeat` of the template says.
    void write_repeat(const BinaryStep &step, size_t first) {
        const size_t left = readings_.samples.size() - std::min(first, readings_.samples.size());
        const size_t count = std::min(step.count, (left + step.stride - 1) / step.stride);
        if (is_avro_ && count > 0)
            append_zigzag(static_cast<int64_t>(count), out_);
        for (size_t i = 0; i < count; i++)
            write(step.inner, first + i * step.stride);
        if (is_avro_)
            append_zigzag(0, out_);
    }

    // Returns a time or a duration in microseconds.
    int64_t time_of(Field field, size_t reading) const {
        const std::vector<Sample> &samples = readings_.samples;
        switch (field) {
        case Field::start_time:
            return samples.front().time;
        case Field::end_time:
            return samples.back().time;
        case Field::offset:
            return samples[reading].time - samples.front().time;
        case Field::duration:
            return samples.back().time - samples.front().time;
        default:
            return samples[reading].time;
        }
    }

    // Returns the placeholder's number as a fraction (numerator, denominator). The denominator is above 1
    // only for a time with digits after the decimal point.
    std::pair<double, int64_t> fraction_of(const Placeholder &placeholder, size_t reading) const {
        if (placeholder.field == Field::heart_rate)
            return {template_heart_rate(placeholder.unit, readings_.samples[reading].heart_rate), 1};
        return {static_cast<double>(integer_of(placeholder, reading)),
                is_counter(placeholder.field) ? 1 : placeholder.format.per_unit()};
    }

    static bool is_counter(Field field) {
        return field == Field::customer_number || field == Field::device_number ||
               field == Field::message_number;
    }

    int64_t integer_of(const Placeholder &placeholder, size_t reading) const {
        switch (placeholder.field) {
        case Field::customer_number:
            return readings_.customer_number;
        case Field::device_number:
            return readings_.device_number;
        case Field::message_number:
            return static_cast<int64_t>(readings_.message_number);
        default:
            return placeholder.format.count(time_of(placeholder.field, reading));
        }
    }

    // Returns the placeholder's number as an integer: rounds a heart rate, and truncates a time.
    int64_t whole_of(const Placeholder &placeholder, size_t reading) const {
        if (placeholder.field == Field::heart_rate) {
            const auto [number, unit] = fraction_of(placeholder, reading);
            return whole(number);
        }
        const int64_t number = integer_of(placeholder, reading);
        return is_counter(placeholder.field) ? number : number / placeholder.format.per_unit();
    }

    double real_of(const Placeholder &placeholder, size_t reading) const {
        const auto [number, unit] = fraction_of(placeholder, reading);
        return number / static_cast<double>(unit);
    }

    void write_number(const BinaryStep &step, size_t reading) {
        const Placeholder &placeholder = step.placeholder;
        switch (step.code) {
        case NumberCode::zigzag:
            return append_zigzag(whole_of(placeholder, reading), out_);
        case NumberCode::zigzag32:
            return append_zigzag(std::clamp<int64_t>(whole_of(placeholder, reading), INT32_MIN, INT32_MAX),
                                 out_);
        case NumberCode::varint:
            return append_varint(static_cast<uint64_t>(whole_of(placeholder, reading)), out_);
        case NumberCode::float32:
            return append_float(static_cast<float>(real_of(placeholder, reading)), out_);
        case NumberCode::float64:
            return append_double(real_of(placeholder, reading), out_);
        case NumberCode::date:
            return append_zigzag(local_time(placeholder, reading) / day_us - 1, out_);
        case NumberCode::time_of_day:
            return append_zigzag(local_time(placeholder, reading) % day_us / step.scale, out_);
        case NumberCode::decimal_bytes:
        case NumberCode::decimal_fixed:
            return write_decimal(step, reading);
        }
    }

    // Returns the local time plus one day, because the local time can be negative on 1970-01-01 west of
    // Greenwich. A division by day_us would round a negative time to the wrong day.
    int64_t local_time(const Placeholder &placeholder, size_t reading) const {
        return time_of(placeholder.field, reading) + placeholder.format.zone() + day_us;
    }

    void write_decimal(const BinaryStep &step, size_t reading) {
        const double power = std::pow(10.0, static_cast<double>(step.scale));
        const int64_t number = whole(real_of(step.placeholder, reading) * power);
        if (step.code == NumberCode::decimal_fixed)
            return append_big_endian(number, step.size, out_);
        write_sized([&] { append_big_endian(number, 1, out_); });
    }

    bool is_avro_;
    const MessageReadings &readings_;
    std::mt19937_64 *random_;
    std::string *out_;
};

} // namespace

BinaryStep &BinarySteps::add(BinaryStep::Kind kind) {
    done.push_back({std::move(bytes), kind});
    bytes.clear();
    return done.back();
}

std::vector<BinaryStep> BinarySteps::finish() {
    if (!bytes.empty())
        add(BinaryStep::Kind::bytes);
    return std::move(done);
}

void append_varint(uint64_t number, std::string *out) {
    while (number >= 0x80) {
        out->push_back(static_cast<char>((number & 0x7f) | 0x80));
        number >>= 7;
    }
    out->push_back(static_cast<char>(number));
}

void append_zigzag(int64_t number, std::string *out) {
    append_varint((static_cast<uint64_t>(number) << 1) ^ static_cast<uint64_t>(number >> 63), out);
}

void append_float(float number, std::string *out) {
    append_little_endian(std::bit_cast<uint32_t>(number), out);
}

void append_double(double number, std::string *out) {
    append_little_endian(std::bit_cast<uint64_t>(number), out);
}

void append_big_endian_id(uint32_t id, std::string *out) {
    for (const int shift : {24, 16, 8, 0})
        out->push_back(static_cast<char>(id >> shift));
}

void append_big_endian(int64_t number, size_t size, std::string *out) {
    size_t needed = 8; // the number of bytes, without the bytes that only repeat the sign
    while (needed > 1 && number >> (8 * (needed - 1) - 1) == number >> 63)
        needed--;
    for (size_t i = std::max(size, needed); i-- > 0;)
        out->push_back(static_cast<char>(number >> (8 * std::min<size_t>(i, 7)) >> (i > 7 ? 63 : 0)));
}

void binary_write(const BinaryPlan &plan, const MessageReadings &readings, std::mt19937_64 *random,
                  std::string *out) {
    Writer(plan.is_avro, readings, random, out).write(plan.steps, 0);
}

} // namespace heartbeat::generator
