// Generator, formats: the compiled form of a template for Avro or Protobuf. This form is a plan: a list of
// steps. Each step has fixed bytes, and then a value that differs from message to message. avro_plan.cpp and
// protobuf_plan.cpp make a plan, and binary_write.cpp writes messages with the plan.
#pragma once

#include "message_template.h"

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace heartbeat::generator {

// The encoding of a placeholder's number.
enum class NumberCode {
    zigzag,   // Avro's long
    zigzag32, // Avro's int; a number that is too large or too small becomes the nearest int
    varint,   // Protobuf's int64
    float32,
    float64,
    date,          // Avro: days since 1970
    time_of_day,   // Avro: the time since midnight, in units of `scale` microseconds
    decimal_bytes, // Avro: bytes, with `scale` decimal digits after the point
    decimal_fixed  // Avro: a fixed of `size` bytes, with `scale` decimal digits after the point
};

// A step writes fixed bytes, and then a value.
struct BinaryStep {
    enum class Kind {
        bytes,  // no value, only the fixed bytes
        text,   // the length of a text, then the text
        number, // a placeholder
        repeat, // the elements of an array or a map
        nested  // the length of the bytes that `inner` writes, then these bytes
    };

    std::string before;
    Kind kind = Kind::bytes;
    std::vector<Step> text{}; // only for `text`
    // The next four members are only for `number`.
    Placeholder placeholder{};
    NumberCode code = NumberCode::zigzag;
    int64_t scale = 0;
    size_t size = 0;
    // `count` and `stride` are only for `repeat`. `inner` is for `repeat` and `nested`.
    size_t count = 0;
    size_t stride = 0; // the number of readings in each element
    std::vector<BinaryStep> inner{};
};

// The steps of a plan that is not complete yet. `bytes` are the fixed bytes after the last step. The next
// step will begin with these bytes.
struct BinarySteps {
    std::vector<BinaryStep> done;
    std::string bytes;

    BinaryStep &add(BinaryStep::Kind kind);
    std::vector<BinaryStep> finish();
};

struct BinaryPlan {
    std::vector<BinaryStep> steps;
    bool is_avro = false; // false: Protobuf
};

void append_varint(uint64_t number, std::string *out);
void append_zigzag(int64_t number, std::string *out);
void append_float(float number, std::string *out);
void append_double(double number, std::string *out);
// Appends a schema id as four bytes, the highest byte first, as in the frame of a message.
void append_big_endian_id(uint32_t id, std::string *out);
// Appends the bytes of a big-endian integer in two's complement, with at least `size` bytes.
void append_big_endian(int64_t number, size_t size, std::string *out);

// Appends the bytes of a message with these readings to *out.
void binary_write(const BinaryPlan &plan, const MessageReadings &readings, std::mt19937_64 *random,
                  std::string *out);

} // namespace heartbeat::generator
