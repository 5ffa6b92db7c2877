// Unit test: which texts are event timestamps, and which instants they mean. Another implementation of the
// calendar computed the expected instants, and PostgreSQL's timestamptz confirmed them.
#include "decode/timestamp.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>

namespace heartbeat {
namespace {

constexpr int64_t year_0_begin = -62167219200'000000;
constexpr int64_t year_10000_begin = 253402300800'000000;
constexpr int64_t new_year_2026 = 1767225600'000000;
constexpr int64_t untouched = 987654321;

struct Instant {
    std::string text;
    int64_t expected;
};

struct Refusal {
    std::string text;
    const char *why;
};

template <size_t count> void expect_instants(const Instant (&examples)[count]) {
    for (const Instant &example : examples) {
        int64_t event_time = untouched;
        EXPECT_TRUE(timestamp_parse(example.text, &event_time)) << example.text;
        EXPECT_EQ(event_time, example.expected) << example.text;
    }
}

template <size_t count> void expect_refusals(const Refusal (&examples)[count]) {
    for (const Refusal &example : examples) {
        int64_t event_time = untouched;
        EXPECT_FALSE(timestamp_parse(example.text, &event_time)) << example.text << ": " << example.why;
        EXPECT_EQ(event_time, untouched) << example.text;
    }
}

TEST(TimestampParse, ParsesInstants) {
    expect_instants({
        {"0000-01-01T00:00:00Z", year_0_begin},
        {"0000-02-29T00:00:00Z", -62162121600'000000},
        {"0001-01-01T00:00:00Z", -62135596800'000000},
        {"1582-10-04T12:00:00Z", -12220200000'000000},
        {"1582-10-15T00:00:00Z", -12219292800'000000},
        {"1899-12-31T23:59:59.999999Z", -2208988800'000001},
        {"1900-02-28T00:00:00Z", -2203977600'000000},
        {"1900-03-01T00:00:00Z", -2203891200'000000},
        {"1969-12-31T23:59:59.999999Z", -1},
        {"1970-01-01T00:00:00Z", 0},
        {"1970-01-01T00:00:00.000001Z", 1},
        {"1999-12-31T23:59:59.999999Z", 946684799'999999},
        {"2000-02-29T12:34:56Z", 951827696'000000},
        {"2001-09-09T01:46:40Z", 1000000000'000000},
        {"2024-02-29T00:00:00Z", 1709164800'000000},
        {"2026-11-22T14:39:02.123456Z", 1795358342'123456},
        {"2038-01-19T03:14:08Z", 2147483648'000000},
        {"2100-03-01T00:00:00Z", 4107542400'000000},
        {"2262-04-11T23:47:16.854775Z", 9223372036'854775},
        {"9999-12-31T23:59:59.999999Z", 253402300799'999999},
    });
}

TEST(TimestampParse, AcceptsEachForm) {
    const int64_t expected = 1795358342'000000;
    expect_instants({
        {"2026-11-22T14:39:02Z", expected},
        {"2026-11-22t14:39:02z", expected},
        {"2026-11-22 14:39:02Z", expected},
        {"2026-11-22T14:39:02", expected},
        {"2026-11-22 14:39:02", expected},
        {"2026-11-22 14:39:02+00", expected},
        {"2026-11-22T14:39:02.0", expected},
        {"2026-11-22T14:39:02,000Z", expected},
        {"2026-11-22T14:39:02.5Z", expected + 500000},
        {"2026-11-22T14:39:02,5", expected + 500000},
        {"2026-11-22T14:39:02.000001+00:00", expected + 1},
        {"2026-11-22 14:39:02.12+00", expected + 120000},
    });
}

TEST(TimestampParse, ParsesTimeZones) {
    expect_instants({
        {"2026-11-22T14:39:02+00:00", 1795358342'000000},
        {"2026-11-22T14:39:02-00:00", 1795358342'000000},
        {"2026-11-22T14:39:02-0000", 1795358342'000000},
        {"2026-11-22T14:39:02-00", 1795358342'000000},
        {"2026-11-22T14:39:02+02", 1795351142'000000},
        {"2026-11-22T14:39:02+0200", 1795351142'000000},
        {"2026-11-22T14:39:02+02:00", 1795351142'000000},
        {"2026-11-22T14:39:02+05:30", 1795338542'000000},
        {"2026-11-22T14:39:02+15:59", 1795300802'000000},
        {"2026-11-22T14:39:02-15:59", 1795415882'000000},
        {"2026-11-22T14:39:02-1559", 1795415882'000000},
        {"2026-01-01T00:30:00+01:00", 1767223800'000000},
        {"2025-12-31T23:30:00-01:00", 1767227400'000000},
        {"0000-01-01T00:00:00+15:59", year_0_begin - (15 * 60 + 59) * 60'000000LL},
        {"9999-12-31T23:59:59-00:01", year_10000_begin + 59'000000},
    });
    expect_refusals({
        {"2026-11-22T14:39:02+16:00", "beyond the limit"},
        {"2026-11-22T14:39:02-16", "beyond the limit"},
        {"2026-11-22T14:39:02+99:99", "beyond the limit"},
        {"2026-11-22T14:39:02+01:60", "no such minute"},
        {"2026-11-22T14:39:02+", "no digits"},
        {"2026-11-22T14:39:02+1", "one digit"},
        {"2026-11-22T14:39:02+1:00", "one digit"},
        {"2026-11-22T14:39:02+010", "three digits"},
        {"2026-11-22T14:39:02+01:", "nothing after the colon"},
        {"2026-11-22T14:39:02+01:0", "one digit of minutes"},
        {"2026-11-22T14:39:02+01:000", "three digits of minutes"},
        {"2026-11-22T14:39:02+01:00:00", "seconds"},
        {"2026-11-22T14:39:02+01:00Z", "two zones"},
        {"2026-11-22T14:39:02ZZ", "two zones"},
        {"2026-11-22T14:39:02Z+01", "two zones"},
        {"2026-11-22T14:39:02 Z", "space before the zone"},
        {"2026-11-22T14:39:02 +01", "space before the zone"},
        {"2026-11-22T14:39:02UTC", "a name"},
        {"2026-11-22T14:39:02 Europe/Berlin", "a name"},
        {"2026-11-22T14:39:02+01[Europe/Berlin]", "a bracketed name"},
        {"2026-11-22T14:39:02\u221201:00", "a typographic minus"},
        {"2026-11-22T14:39:02+-1:00", "two signs"},
    });
}

TEST(TimestampParse, FractionsRoundAsPostgresDoes) {
    expect_instants({
        {"2026-01-01T00:00:00.1Z", new_year_2026 + 100000},
        {"2026-01-01T00:00:00.123456Z", new_year_2026 + 123456},
        {"2026-01-01T00:00:00.1234564Z", new_year_2026 + 123456},
        {"2026-01-01T00:00:00.1234566Z", new_year_2026 + 123457},
        {"2026-01-01T00:00:00.123456499999Z", new_year_2026 + 123456},
        {"2026-01-01T00:00:00,123456500001Z", new_year_2026 + 123457},
        {"2026-01-01T00:00:00.0000004Z", new_year_2026},
        {"2026-01-01T00:00:00.0000005Z", new_year_2026},     // rounds half to even
        {"2026-01-01T00:00:00.0000015Z", new_year_2026 + 2}, // rounds half to even
        {"2026-01-01T00:00:00.0000025Z", new_year_2026 + 2}, // rounds half to even
        // as doubles, the next three fractions are not exactly halfway between two microseconds
        {"2026-01-01T00:00:00.0001255Z", new_year_2026 + 125},
        {"2026-01-01T00:00:00.0001265Z", new_year_2026 + 127},
        {"2026-01-01T00:00:00.0002485Z", new_year_2026 + 249},
        {"2026-01-01T00:00:00.9999994Z", new_year_2026 + 999999},
        {"2026-01-01T00:00:00.9999996Z", new_year_2026 + 1000000},
        {"2026-01-01T00:00:59.9999999Z", new_year_2026 + 60000000},
        {"2025-12-31T23:59:59.9999999Z", new_year_2026},
        {"2026-01-01T00:59:59.9999999+01:00", new_year_2026},
        {"9999-12-31T23:59:59.9999999Z", year_10000_begin},
        {"2026-01-01T00:00:00." + std::string(100000, '0') + "1", new_year_2026},
        {"2026-01-01T00:00:00." + std::string(100000, '9') + "Z", new_year_2026 + 1000000},
        {"2026-01-01T00:00:00.25" + std::string(100000, '0') + "Z", new_year_2026 + 250000},
    });
    expect_refusals({
        {"2026-01-01T00:00:00.Z", "no digits"},
        {"2026-01-01T00:00:00.", "no digits"},
        {"2026-01-01T00:00:00,+01", "no digits"},
        {"2026-01-01T00:00:00.1.2Z", "two points"},
        {"2026-01-01T00:00:00.1e3Z", "an exponent"},
        {"2026-01-01T00:00:00.-1Z", "a sign"},
        {"2026-01-01T00:00:00.12 Z", "a space"},
        {"2026-01-01T00:00:00:12Z", "a colon"},
        {"2026-01-01T00:00:00.\u0661Z", "a digit of another script"},
    });
}

TEST(TimestampParse, AcceptsOnlyWholeLeapSeconds) {
    expect_instants({
        {"2016-12-31T23:59:60Z", 1483228800'000000},
        {"2016-12-31T23:59:60", 1483228800'000000},
        {"2017-01-01T00:59:60+01:00", 1483228800'000000},
        {"2026-01-01T00:00:60Z", new_year_2026 + 60000000},
        {"9999-12-31T23:59:60Z", year_10000_begin},
    });
    expect_refusals({
        {"2016-12-31T23:59:60.5Z", "within the leap second"},
        {"2016-12-31T23:59:60.000Z", "a fraction of zero"},
        {"2016-12-31T23:59:61Z", "no such second"},
    });
}

TEST(TimestampParse, RefusesImpossibleDatesAndTimes) {
    expect_refusals({
        {"2026-02-29T00:00:00Z", "not a leap year"},
        {"2026-02-30T00:00:00Z", "no such day"},
        {"2024-02-30T00:00:00Z", "no such day"},
        {"1900-02-29T00:00:00Z", "a century is not a leap year"},
        {"2100-02-29T00:00:00Z", "a century is not a leap year"},
        {"2026-04-31T00:00:00Z", "no such day"},
        {"2026-01-32T00:00:00Z", "no such day"},
        {"2026-01-00T00:00:00Z", "no such day"},
        {"2026-00-01T00:00:00Z", "no such month"},
        {"2026-13-01T00:00:00Z", "no such month"},
        {"2026-99-99T99:99:99Z", "every part is wrong"},
        {"2026-01-01T24:00:00Z", "no such hour"},
        {"2026-01-01T25:00:00Z", "no such hour"},
        {"2026-01-01T00:60:00Z", "no such minute"},
        {"2026-01-01T00:00:99Z", "no such second"},
    });
}

TEST(TimestampParse, RefusesOtherTexts) {
    expect_refusals({
        {"", "an empty text"},
        {"Z", "a zone alone"},
        {"2026", "a year alone"},
        {"2026-11-22", "no time"},
        {"2026-11-22T", "no time"},
        {"2026-11-22T14", "no minutes"},
        {"2026-11-22T14:39", "no seconds"},
        {"2026-11-22T14:39Z", "no seconds"},
        {"2026-11-22T14:39:", "no seconds"},
        {"2026-11-22T14:39:2Z", "one digit"},
        {"2026-11-22  14:39:02Z", "two spaces"},
        {"2026-11-22\t14:39:02Z", "a tab"},
        {"2026-11-22_14:39:02Z", "an underscore"},
        {"2026-11-2214:39:02Z", "no separator"},
        {"20261122T143902Z", "the basic form"},
        {"2026/11/22 14:39:02", "slashes"},
        {"22-11-2026T14:39:02Z", "day first"},
        {"26-11-22T14:39:02Z", "two digits of year"},
        {"+2026-11-22T14:39:02Z", "a sign"},
        {"-2026-11-22T14:39:02Z", "a sign"},
        {"12026-11-22T14:39:02Z", "five digits of year"},
        {"2026-1-22T14:39:02Z", "one digit"},
        {"2026-W47-7T14:39:02Z", "a week date"},
        {"2026-326T14:39:02Z", "an ordinal date"},
        {" 2026-11-22T14:39:02Z", "a space before"},
        {"2026-11-22T14:39:02Z ", "a space after"},
        {"2026-11-22T14:39:02Z\n", "a newline after"},
        {std::string("2026-11-22T14:39:02Z\0", 21), "a NUL after"},
        {std::string("2026-11-22\0T14:39:02Z", 21), "a NUL within"},
        {"2026-11-22T14:39:02 BC", "an era"},
        {"2026-11-22T02:39:02 PM", "a 12-hour time"},
        {"now", "a word"},
        {"infinity", "a word"},
        {"1795358342", "seconds of the epoch"},
        {std::string(1 << 20, '9'), "a megabyte of digits"},
    });
}

// timestamp_parse() must not read past the end of a prefix of a timestamp (the address sanitizer checks
// this). timestamp_parse() must accept a prefix only if this prefix is also a complete timestamp.
TEST(TimestampParse, AcceptsOnlyPrefixesThatAreTimestamps) {
    const std::string whole = "2026-11-22T14:39:02.123456+05:30";
    for (size_t size = 0; size < whole.size(); ++size) {
        const std::unique_ptr<char[]> exact(new char[size]);
        whole.copy(exact.get(), size);
        const bool complete = size == 19 || (size >= 21 && size <= 26) || size == 29;
        int64_t event_time = untouched;
        EXPECT_EQ(timestamp_parse({exact.get(), size}, &event_time), complete) << whole.substr(0, size);
    }
    int64_t event_time = untouched;
    EXPECT_FALSE(timestamp_parse({}, &event_time));
}

} // namespace
} // namespace heartbeat
