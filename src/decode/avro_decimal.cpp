// Converts a decimal to a double. If a double can hold both the integer and the power of ten exactly, one
// division gives the nearest double. For larger numbers, the conversions to double and the division would
// each round. So this file writes a larger number as a text with digits and an exponent, and
// std::from_chars() rounds only once.
#include "decode/avro_decimal.h"

#include "decode/mapping_limits.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace heartbeat {

namespace {

constexpr uint64_t exact_integers = uint64_t{1} << 53; // a double holds each integer up to 2^53 exactly
constexpr double exact_powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                   1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

// One byte needs less than 2.5 decimal digits. The text for std::from_chars() also has room for an exponent.
constexpr size_t digits_max = avro_decimal_bytes_max * 5 / 2;
constexpr size_t exponent_max = 16;

// `words` contains a number, with the highest word first. The function writes the decimal digits of this
// number into the bytes that end at `end`, and overwrites `words`. Returns a pointer to the first digit.
char *write_digits(uint32_t *words, size_t count, char *end) noexcept {
    constexpr uint32_t billion = 1'000'000'000;
    char *at = end;
    bool is_zero = false;
    while (!is_zero) {
        uint64_t rest = 0;
        is_zero = true;
        for (size_t i = 0; i < count; i++) {
            rest = rest << 32 | words[i];
            words[i] = static_cast<uint32_t>(rest / billion);
            rest %= billion;
            is_zero = is_zero && words[i] == 0;
        }
        for (int digit = 0; digit < 9 && at > end - digits_max; digit++, rest /= 10)
            *--at = static_cast<char>('0' + rest % 10);
    }
    return at;
}

double round_digits(uint32_t *words, size_t count, uint32_t scale) noexcept {
    char text[digits_max + exponent_max];
    char *const end = text + digits_max;
    const char *const begin = write_digits(words, count, end);
    std::memcpy(end, "e-", 2);
    const char *const stop = std::to_chars(end + 2, text + sizeof(text), scale).ptr;
    double value = 0; // the value stays 0 if the number is too small for a double
    std::from_chars(begin, stop, value);
    return value;
}

} // namespace

bool avro_decimal(std::string_view bytes, uint32_t scale, double *value) noexcept {
    constexpr size_t word_count = avro_decimal_bytes_max / sizeof(uint32_t);
    const auto byte = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const bool is_negative = !bytes.empty() && byte(0) >= 0x80;
    const char sign = is_negative ? '\xff' : '\0';
    while (bytes.size() > 1 && bytes[0] == sign && (byte(1) >= 0x80) == is_negative)
        bytes.remove_prefix(1);
    if (bytes.size() > avro_decimal_bytes_max)
        return false;
    uint32_t words[word_count] = {}; // the absolute value
    for (size_t i = 0; i < bytes.size(); i++) {
        const size_t place = bytes.size() - 1 - i; // the place of the lowest byte is 0
        const uint32_t bits = is_negative ? byte(i) ^ 0xffU : byte(i);
        words[word_count - 1 - place / 4] |= bits << (place % 4 * 8);
    }
    for (size_t i = word_count; is_negative && i-- > 0;)
        if (++words[i] != 0)
            break;
    const bool is_small = std::all_of(words, words + word_count - 2, [](uint32_t word) { return word == 0; });
    const uint64_t low = uint64_t{words[word_count - 2]} << 32 | words[word_count - 1];
    double magnitude;
    if (is_small && low <= exact_integers && scale < std::size(exact_powers))
        magnitude = static_cast<double>(low) / exact_powers[scale];
    else
        magnitude = round_digits(words, word_count, scale);
    *value = is_negative ? -magnitude : magnitude;
    return true;
}

} // namespace heartbeat
