// Unit tests of the generator: the formats of times in a template, and texts that are not a format.
#include "time_format.h"

#include "decode/timestamp.h"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace heartbeat::generator {
namespace {

constexpr char moment[] = "2026-11-22T14:39:02.123456Z";

std::string written(const char *format, const char *time = moment) {
    int64_t microseconds = 0;
    EXPECT_TRUE(timestamp_parse(time, &microseconds));
    std::string text = "before ";
    TimeFormat(format).append(microseconds, &text);
    return text.substr(7);
}

TEST(TimeFormat, WritesUnits) {
    EXPECT_EQ(written("s"), "1795358342");
    EXPECT_EQ(written("ms"), "1795358342123");
    EXPECT_EQ(written("us"), "1795358342123456");
    EXPECT_EQ(written("ns"), "1795358342123456000");
    EXPECT_EQ(written("s.fff"), "1795358342.123");
    EXPECT_EQ(written("s.ffffff"), "1795358342.123456");
    EXPECT_EQ(written("ms.f"), "1795358342123.4");
    EXPECT_EQ(written("ms.fff"), "1795358342123.456");
    EXPECT_EQ(written("ns", "1970-01-01T00:00:00Z"), "0");
    EXPECT_EQ(written("s.fff", "1970-01-01T00:00:01.002Z"), "1.002");
}

TEST(TimeFormat, WritesIso) {
    EXPECT_EQ(written("iso"), moment);
    EXPECT_EQ(written("iso+02:00"), "2026-11-22T16:39:02.123456+02:00");
    EXPECT_EQ(written("iso-0930"), "2026-11-22T05:09:02.123456-0930");
}

TEST(TimeFormat, WritesPatterns) {
    EXPECT_EQ(written("YYYYMMDDHHMMSS"), "20261122143902");
    EXPECT_EQ(written("YYYYMMDDHHMMSS.fff+0000"), "20261122143902.123+0000");
    EXPECT_EQ(written("YYYY-MM-DD"), "2026-11-22");
    EXPECT_EQ(written("HH:MM:SS"), "14:39:02");
    EXPECT_EQ(written("DD.MM.YYYY HH:MM"), "22.11.2026 14:39");
    EXPECT_EQ(written("YYYY-MM-DD HH:MM:SS.fffffffff"), "2026-11-22 14:39:02.123456000");
    EXPECT_EQ(written("YYYY-MM-DDTHH:MM:SSZ"), "2026-11-22T14:39:02Z");
    EXPECT_EQ(written("YYYY-MM-DDTHH:MM-05:30", "2026-01-01T02:00:00Z"), "2025-12-31T20:30-05:30");
    EXPECT_EQ(written("YYYY-MM-DD-01:00", "1970-01-01T00:00:00Z"), "1969-12-31-01:00");
}

TEST(TimeFormat, WritesIsoThatTheDecoderReads) {
    for (int64_t day = 0; day < 2'932'896; day += 97) { // from 1970 to the year 9999
        const int64_t time = day * 86'400'000'000 + day * 31'337;
        for (const char *format : {"iso", "iso+05:30", "YYYY-MM-DD HH:MM:SS.ffffffZ"}) {
            std::string text;
            TimeFormat(format).append(time, &text);
            int64_t parsed = -1;
            ASSERT_TRUE(timestamp_parse(text, &parsed)) << text;
            ASSERT_EQ(parsed, time) << text;
        }
    }
}

TEST(TimeFormat, KnowsItsResolution) {
    const std::pair<const char *, int64_t> examples[] = {{"s", 1'000'000},
                                                         {"ms", 1000},
                                                         {"us", 1},
                                                         {"ns", 1},
                                                         {"s.ff", 10'000},
                                                         {"ms.fff", 1},
                                                         {"iso", 1},
                                                         {"HH:MM", 60'000'000},
                                                         {"YYYY-MM-DD", 86'400'000'000},
                                                         {"HH:MM:SS", 1'000'000},
                                                         {"SS.fff", 1000},
                                                         {"SS.fffffffff", 1}};
    for (const auto &[format, resolution] : examples)
        EXPECT_EQ(TimeFormat(format).resolution(), resolution) << format;
}

TEST(TimeFormat, DistinguishesNumbersAndTimesOfDay) {
    EXPECT_TRUE(TimeFormat("ms").is_number());
    EXPECT_FALSE(TimeFormat("YYYYMMDD").is_number());
    EXPECT_TRUE(TimeFormat("HH:MM:SS").is_time_of_day());
    EXPECT_FALSE(TimeFormat("iso").is_time_of_day());
    EXPECT_FALSE(TimeFormat("s").is_time_of_day());
    EXPECT_EQ(TimeFormat("HH:MM:SS-01:30").zone(), -5'400'000'000);
}

TEST(TimeFormat, RefusesOtherTexts) {
    for (const char *format :
         {"",        "sec",   "S",      "MS",    "s.",        "s.ffffffff",    "us.f",
          "ms.ffff", "s.f0",  "isoZ",   "iso+2", "iso+16:00", "YY-MM-DD",      "YYYY-MM-DD hh:mm",
          "HH:mm",   "-",     "T",      "2026",  "YYYY1",     "SS.ffffffffff", "HH:MM+01:60",
          "YYYYY",   "ZYYYY", "YYYYaMM"}) {
        try {
            const TimeFormat accepted(format);
            ADD_FAILURE() << format;
        } catch (const std::invalid_argument &error) {
            EXPECT_NE(std::string(error.what()).find(std::string("\"") + format + "\""), std::string::npos)
                << error.what();
            EXPECT_NE(std::string(error.what()).find("Legal formats are"), std::string::npos) << error.what();
        }
    }
}

} // namespace
} // namespace heartbeat::generator
