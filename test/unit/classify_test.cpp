// Unit test: the boundaries between the classes of heart rates.
#include "decode/classify.h"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace heartbeat {
namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();
constexpr double smallest = std::numeric_limits<double>::denorm_min();
constexpr double largest = std::numeric_limits<double>::max();

struct Example {
    double heart_rate;
    HeartRateClass expected;
};

TEST(Classify, EachBoundaryBelongsToItsClass) {
    const Example examples[] = {
        {0, HeartRateClass::invalid},
        {-0.0, HeartRateClass::invalid},
        {-1, HeartRateClass::invalid},
        {-smallest, HeartRateClass::invalid},
        {-largest, HeartRateClass::invalid},
        {-infinity, HeartRateClass::invalid},
        {smallest, HeartRateClass::bradycardia},
        {0.5, HeartRateClass::bradycardia},
        {1, HeartRateClass::bradycardia},
        {39, HeartRateClass::bradycardia},
        {39.999, HeartRateClass::bradycardia},
        {std::nextafter(40.0, 0.0), HeartRateClass::bradycardia},
        {40, HeartRateClass::normal},
        {40.001, HeartRateClass::normal},
        {72.5, HeartRateClass::normal},
        {179.9999, HeartRateClass::normal},
        {180, HeartRateClass::normal},
        {std::nextafter(180.0, infinity), HeartRateClass::tachycardia},
        {180.0001, HeartRateClass::tachycardia},
        {299.9999, HeartRateClass::tachycardia},
        {300, HeartRateClass::tachycardia},
        {std::nextafter(300.0, infinity), HeartRateClass::invalid},
        {300.0001, HeartRateClass::invalid},
        {1000, HeartRateClass::invalid},
        {largest, HeartRateClass::invalid},
        {infinity, HeartRateClass::invalid},
        {not_a_number, HeartRateClass::invalid},
        {-not_a_number, HeartRateClass::invalid},
    };
    for (const Example &example : examples)
        EXPECT_EQ(classify_heart_rate(example.heart_rate), example.expected) << example.heart_rate;
}

// The classes have no gaps. The test raises the heart rate from -1 to 301. The class then changes four times:
// INVALID, BRADYCARDIA, NORMAL, TACHYCARDIA, and INVALID again.
TEST(Classify, RisingRatesPassEachClassOnce) {
    int changes = 0;
    HeartRateClass previous = classify_heart_rate(-1);
    for (int tenths = -9; tenths <= 3010; ++tenths) {
        const HeartRateClass current = classify_heart_rate(tenths / 10.0);
        changes += current != previous;
        previous = current;
    }
    EXPECT_EQ(changes, 4);
    EXPECT_EQ(previous, HeartRateClass::invalid);
}

TEST(Classify, NamesEqualThoseInTheTables) {
    EXPECT_STREQ(heart_rate_class_name(HeartRateClass::normal), "NORMAL");
    EXPECT_STREQ(heart_rate_class_name(HeartRateClass::bradycardia), "BRADYCARDIA");
    EXPECT_STREQ(heart_rate_class_name(HeartRateClass::tachycardia), "TACHYCARDIA");
    EXPECT_STREQ(heart_rate_class_name(HeartRateClass::invalid), "INVALID");
    EXPECT_EQ(static_cast<int>(HeartRateClass::invalid), heart_rate_classes - 1);
}

static_assert(classify_heart_rate(74) == HeartRateClass::normal, "the rule can be used at compile time");

} // namespace
} // namespace heartbeat
