// number_parse() reads the text of a number, and distinguishes a number that is too large from a number that
// is almost 0.
#include "decode/number_text.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

namespace heartbeat {
namespace {

std::string exponent(long value) {
    return "e" + std::to_string(value);
}

void expect_almost_zero(const std::string &text) {
    ValueNode number{};
    EXPECT_EQ(number_parse(text, &number), NumberText::number) << text;
    EXPECT_EQ(number.type, ValueType::real) << text;
    EXPECT_EQ(number.real, 0) << text;
}

void expect_out_of_range(const std::string &text) {
    ValueNode number{};
    EXPECT_EQ(number_parse(text, &number), NumberText::out_of_range) << text;
}

TEST(NumberText, TooLargeOrAlmostZero) {
    constexpr long largest = std::numeric_limits<long>::max(), smallest = std::numeric_limits<long>::min();
    for (const std::string mantissa : {"1", "-1", "7.5", "12345.678", "0.05"}) {
        for (const std::string &large :
             {std::string("e400"), exponent(largest - 1), exponent(largest),
              std::string("e+9223372036854775808"), std::string("E99999999999999999999")})
            expect_out_of_range(mantissa + large);
        for (const std::string &small :
             {std::string("e-400"), exponent(smallest + 1), exponent(smallest),
              std::string("e-9223372036854775809"), std::string("E-99999999999999999999")})
            expect_almost_zero(mantissa + small);
    }
    expect_almost_zero("0.0e9223372036854775807");
    expect_almost_zero("0." + std::string(500, '0') + "1");
    expect_out_of_range(std::string(500, '1') + ".0");
}

} // namespace
} // namespace heartbeat
