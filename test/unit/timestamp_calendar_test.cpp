// Unit test: reads and writes timestamps of each day of the whole calendar. The test compares the results
// with another calendar. The other calendar only counts days, and shares no code with the tested functions.
#include "decode/timestamp.h"

#include <gtest/gtest.h>
#include <random>
#include <string>

namespace heartbeat {
namespace {

constexpr int64_t year_0_begin = -62167219200'000000;
constexpr int64_t year_10000_begin = 253402300800'000000;
constexpr int64_t microseconds_per_day = 86400'000000;
constexpr int64_t untouched = 987654321;

std::string format(int64_t event_time) {
    char text[timestamp_text_size + 1];
    text[timestamp_text_size] = '#';
    timestamp_format(event_time, text);
    EXPECT_EQ(text[timestamp_text_size], '#') << "wrote past its size";
    return {text, timestamp_text_size};
}

int month_length(int year, int month) {
    if (month == 2)
        return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28;
    return month == 4 || month == 6 || month == 9 || month == 11 ? 30 : 31;
}

TEST(TimestampCalendar, ParsesAndFormatsEachDayOfTenThousandYears) {
    std::string text = "yyyy-mm-ddT00:00:00.000000Z";
    const auto put = [&text](size_t at, int width, int value) {
        for (; width > 0; value /= 10)
            text[at + --width] = static_cast<char>('0' + value % 10);
    };
    int64_t expected = year_0_begin;
    for (int year = 0; year <= 9999; ++year) {
        put(0, 4, year);
        for (int month = 0; month <= 13; ++month) {
            put(5, 2, month);
            for (int day = 0; day <= 32; ++day) {
                put(8, 2, day);
                const bool exists = month >= 1 && month <= 12 && day >= 1 && day <= month_length(year, month);
                int64_t event_time = untouched;
                ASSERT_EQ(timestamp_parse(text, &event_time), exists) << text;
                ASSERT_EQ(event_time, exists ? expected : untouched) << text;
                if (!exists)
                    continue;
                ASSERT_EQ(format(event_time), text);
                expected += microseconds_per_day;
            }
        }
    }
    EXPECT_EQ(expected, year_10000_begin);
}

TEST(TimestampCalendar, ParsesAndFormatsEachSecondOfADay) {
    for (int second = 0; second < 86400; ++second) {
        int64_t event_time = untouched;
        ASSERT_TRUE(timestamp_parse(format(second * microseconds_per_second), &event_time));
        ASSERT_EQ(event_time, second * microseconds_per_second);
    }
}

TEST(TimestampFormat, FormatsInstants) {
    EXPECT_EQ(format(0), "1970-01-01T00:00:00.000000Z");
    EXPECT_EQ(format(-1), "1969-12-31T23:59:59.999999Z");
    EXPECT_EQ(format(1), "1970-01-01T00:00:00.000001Z");
    EXPECT_EQ(format(1795358342'123456), "2026-11-22T14:39:02.123456Z");
    EXPECT_EQ(format(951827696'000000), "2000-02-29T12:34:56.000000Z");
    EXPECT_EQ(format(year_0_begin), "0000-01-01T00:00:00.000000Z");
    EXPECT_EQ(format(-62135596800'000000), "0001-01-01T00:00:00.000000Z");
    EXPECT_EQ(format(year_10000_begin - 1), "9999-12-31T23:59:59.999999Z");
}

TEST(TimestampFormat, ParsesBackToTheSameInstant) {
    std::mt19937_64 random(20261122);
    std::uniform_int_distribution<int64_t> anywhere(year_0_begin, year_10000_begin - 1);
    std::uniform_int_distribution<int64_t> nearby(-4'000000'000000, 4'000000'000000);
    for (int i = 0; i < 200000; ++i) {
        const int64_t instant = i % 2 == 0 ? anywhere(random) : nearby(random);
        int64_t event_time = untouched;
        ASSERT_TRUE(timestamp_parse(format(instant), &event_time)) << format(instant);
        ASSERT_EQ(event_time, instant) << format(instant);
    }
}

} // namespace
} // namespace heartbeat
