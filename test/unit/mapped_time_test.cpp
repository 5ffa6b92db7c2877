// Unit test: event_timestamp with a mapping, in each unit and zone.
#include "mapping_examples.h"

namespace heartbeat {
namespace {

struct TimeExample {
    std::string field; // with ' for "
    std::string value; // the value of the member "t" as JSON, and further members if a test needs them
    std::string expected;
};

template <size_t count> void expect_times(const TimeExample (&examples)[count]) {
    for (const TimeExample &example : examples) {
        const std::string payload = quoted("{'id':'A','hr':74,'t':" + example.value + "}");
        const std::string decoded = decode(Fields{.event_timestamp = example.field}.json(), {payload});
        const std::string expected = example.expected.find(':') < 5 || example.expected[0] < 'A'
                                         ? "A 74 " + example.expected
                                         : example.expected;
        EXPECT_EQ(decoded, expected) << example.field << " " << example.value;
    }
}

std::string no_timestamp(size_t size) {
    return "INVALID_TIMESTAMP: event_timestamp at /t is a string of " + std::to_string(size) +
           " bytes that is not a timestamp; expected YYYY-MM-DDTHH:MM:SS of a real date, with an optional "
           "fraction and "
           "zone";
}

const std::string out_of_range =
    "INVALID_TIMESTAMP: event_timestamp at /t is out of range; expected a time in the "
    "years 0000 to 9999: check the unit in the mapping";

TEST(MappedTime, Iso) {
    const std::string iso = "'/t'";
    expect_times({
        {iso, "'2026-11-22T14:39:02Z'", "2026-11-22T14:39:02Z"},
        {iso, "'2026-11-22 14:39:02.123456'", "2026-11-22T14:39:02.123456Z"},
        {iso, "'2026-11-22t14:39:02,5+01:00'", "2026-11-22T13:39:02.500000Z"},
        {iso, "'2026-11-22 14:39:02 -0800'", "2026-11-22T22:39:02Z"},
        {iso, "'2026-11-22 14:39:02 +05:30'", "2026-11-22T09:09:02Z"},
        {iso, "'2026-11-22T14:39:02 Z'", "2026-11-22T14:39:02Z"},
        {iso, "'2026-11-22T14:39:02+0100'", "2026-11-22T13:39:02Z"},
        {iso, "'2026-11-22T14:39:02-08'", "2026-11-22T22:39:02Z"},
        {iso, "'20261122143902'", "2026-11-22T14:39:02Z"},
        {iso, "'20261122143902.123'", "2026-11-22T14:39:02.123000Z"},
        {iso, "'20261122143902+0100'", "2026-11-22T13:39:02Z"},
        {iso, "'20261122143902.5-0330'", "2026-11-22T18:09:02.500000Z"},
        {iso, "'2026-12-31T23:59:60Z'", "2027-01-01T00:00:00Z"},
        {iso, "'2026-11-22T14:39:02  Z'", no_timestamp(22)},
        {iso, "'2026-11-22T14:39:02 '", no_timestamp(20)},
        {iso, "'2026-11-22'", no_timestamp(10)},
        {iso, "'20261122'", no_timestamp(8)},
        {iso, "'202611221439'", no_timestamp(12)},
        {iso, "'20261322143902'", no_timestamp(14)},
        {iso, "'2026-02-29T14:39:02Z'", no_timestamp(20)},
        {iso, "''", no_timestamp(0)},
        {iso, "1795444742",
         "WRONG_TYPE: event_timestamp at /t is an integer; expected a string: YYYY-MM-DDTHH:MM:SS of "
         "a real date, with an optional fraction and zone"},
        {iso, "null",
         "MISSING_FIELD: event_timestamp is missing at /t; expected YYYY-MM-DDTHH:MM:SS of a real date, "
         "with an optional fraction and zone"},
        {"{'at':'/t','default':'2026-01-01 00:00:00'}", "null", "2026-01-01T00:00:00Z"},
    });
}

TEST(MappedTime, SinceThen) {
    const std::string s = "{'at':'/t','unit':'s'}", ms = "{'at':'/t','unit':'ms'}",
                      us = "{'at':'/t','unit':'us'}", ns = "{'at':'/t','unit':'ns'}",
                      text = "{'at':'/t','unit':'ms','text':true}";
    expect_times({
        {s, "1795444742", "2026-11-23T14:39:02Z"},
        {s, "1795444742.123456", "2026-11-23T14:39:02.123456Z"},
        {s, "1.795444742e9", "2026-11-23T14:39:02Z"},
        {s, "-0.5", "1969-12-31T23:59:59.500000Z"},
        {ms, "1795444742123", "2026-11-23T14:39:02.123000Z"},
        {ms, "1795444742123.25", "2026-11-23T14:39:02.123250Z"},
        {us, "1795444742123456", "2026-11-23T14:39:02.123456Z"},
        {ns, "1795444742123456789", "2026-11-23T14:39:02.123457Z"},
        {ns, "1795444742123456500", "2026-11-23T14:39:02.123456Z"},
        {ns, "1795444742123457500", "2026-11-23T14:39:02.123458Z"},
        {ns, "9223372036854775808", "2262-04-11T23:47:16.854776Z"},
        {ns, "9223372036854776500", "2262-04-11T23:47:16.854776Z"},
        {ns, "9223372036854777500", "2262-04-11T23:47:16.854778Z"},
        {ns, "18446744073709551615", "2554-07-21T23:34:33.709552Z"},
        {ns, "-1", "1970-01-01T00:00:00Z"},
        {ns, "-501", "1969-12-31T23:59:59.999999Z"},
        {s, "0", "1970-01-01T00:00:00Z"},
        {s, "1795444742123", out_of_range},
        {ms, "1795444742123456", out_of_range},
        {s, "-62167219200", "0000-01-01T00:00:00Z"},
        {s, "9223372036854775807", out_of_range},
        {s, "-9223372036854775808", out_of_range},
        {us, "18446744073709551615", out_of_range},
        {ns, "1e300", out_of_range},
        {ms, "'1795444742123'", "WRONG_TYPE: event_timestamp at /t is a string; expected a number"},
        {ms, "null",
         "MISSING_FIELD: event_timestamp is missing at /t; expected a number since 1970 in the mapping's "
         "unit"},
        {text, "'1795444742123'", "2026-11-23T14:39:02.123000Z"},
        {text, "'1795444742123.25'", "2026-11-23T14:39:02.123250Z"},
        {text, "1795444742123", "2026-11-23T14:39:02.123000Z"},
        {text, "'2026-11-22'",
         "WRONG_TYPE: event_timestamp at /t is a text that is not a number; expected a number, or "
         "a number as text"},
        {"{'at':'/t','unit':'ms','default':1500}", "null", "1970-01-01T00:00:01.500000Z"},
    });
}

TEST(MappedTime, Zones) {
    const std::string berlin = "{'at':'/t','zone':'Europe/Berlin'}",
                      new_york = "{'at':'/t','zone':'America/New_York'}";
    expect_times({
        {"{'at':'/t','zone':'UTC'}", "'2026-11-22T14:39:02'", "2026-11-22T14:39:02Z"},
        {"{'at':'/t','zone':'+05:30'}", "'2026-11-22T14:39:02'", "2026-11-22T09:09:02Z"},
        {"{'at':'/t','zone':'-0800'}", "'20261122143902'", "2026-11-22T22:39:02Z"},
        {berlin, "'2026-11-22T14:39:02'", "2026-11-22T13:39:02Z"},
        {berlin, "'2026-07-01T14:39:02.5'", "2026-07-01T12:39:02.500000Z"},
        {berlin, "'2026-07-01T14:39:02Z'", "2026-07-01T14:39:02Z"},
        {berlin, "'2026-07-01T14:39:02-04:00'", "2026-07-01T18:39:02Z"},
        // in March the clock goes from 02:00 to 03:00, and in October from 03:00 to 02:00
        {berlin, "'2026-03-29T01:59:59'", "2026-03-29T00:59:59Z"},
        {berlin, "'2026-03-29T02:30:00'", "2026-03-29T01:30:00Z"},
        {berlin, "'2026-03-29T03:00:00'", "2026-03-29T01:00:00Z"},
        {berlin, "'2026-10-25T01:59:59'", "2026-10-24T23:59:59Z"},
        {berlin, "'2026-10-25T02:30:00'", "2026-10-25T01:30:00Z"},
        {berlin, "'2026-10-25T03:00:00'", "2026-10-25T02:00:00Z"},
        {new_york, "'2026-03-08T02:30:00'", "2026-03-08T07:30:00Z"},
        {new_york, "'2026-11-01T01:30:00'", "2026-11-01T06:30:00Z"},
        {new_york, "'1850-01-01T00:00:00'", "1850-01-01T04:56:02Z"},
        {new_york, "'2037-07-01T00:00:00'", "2037-07-01T04:00:00Z"},
        {"{'at':'/t','zone':'Pacific/Apia'}", "'2011-12-30T12:00:00'", "2011-12-30T22:00:00Z"},
    });
}

// A ZoneSpan is a span of local times that have the same offset. A decoder keeps the ZoneSpan of its last
// conversion, and must not use it for a time outside the span.
TEST(MappedTime, AZoneInAnyOrder) {
    const MappingPointer mapping =
        compile(Fields{.event_timestamp = "{'at':'/t','zone':'Europe/Berlin'}"}.json());
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const std::pair<const char *, const char *> times[] = {
        {"2026-01-15T12:00:00", "2026-01-15T11:00:00Z"}, {"2026-07-15T12:00:00", "2026-07-15T10:00:00Z"},
        {"2026-03-29T02:30:00", "2026-03-29T01:30:00Z"}, {"2026-03-27T02:30:00", "2026-03-27T01:30:00Z"},
        {"2026-10-25T02:30:00", "2026-10-25T01:30:00Z"}, {"2026-10-22T02:30:00", "2026-10-22T00:30:00Z"},
    };
    for (int round = 0; round < 3; round++)
        for (const auto &[local, utc] : times) {
            const std::string payload = quoted("{'id':'A','hr':74,'t':'" + std::string(local) + "'}");
            MessageView view;
            view.payload = {payload.data(), payload.size()};
            EXPECT_EQ(decode(&decoder, view), "A 74 " + std::string(utc)) << local;
        }
}

TEST(MappedTime, DateAndAddition) {
    const std::string dated = "{'at':'/t','date':'/d'}",
                      berlin = "{'at':'/t','date':'/d','zone':'Europe/Berlin'}",
                      plus = "{'at':'/t','plus':'/p','plus_unit':'s'}",
                      plus_ms = "{'at':'/t','unit':'s','plus':'/p','plus_unit':'ms','text':true}";
    expect_times({
        {dated, "'14:39:02','d':'2026-11-22'", "2026-11-22T14:39:02Z"},
        {dated, "'14:39:02.25+01:00','d':'20261122'", "2026-11-22T13:39:02.250000Z"},
        {dated, "'23:59:60','d':'2026-12-31'", "2027-01-01T00:00:00Z"},
        {berlin, "'14:39:02','d':'2026-07-01'", "2026-07-01T12:39:02Z"},
        {dated, "'14:39','d':'2026-11-22'",
         "INVALID_TIMESTAMP: event_timestamp at /t is a string of 5 bytes that is not a "
         "timestamp; expected HH:MM:SS, with an optional fraction and zone"},
        {dated, "'14:39:02','d':'2026-11-31'",
         "INVALID_TIMESTAMP: event_timestamp at /d is a string of 10 bytes that is "
         "not a timestamp; expected YYYY-MM-DD of a real date"},
        {dated, "'14:39:02'",
         "MISSING_FIELD: event_timestamp is missing at /d; expected YYYY-MM-DD of a real date"},
        {dated, "'14:39:02','d':20261122",
         "WRONG_TYPE: event_timestamp at /d is an integer; expected a string: "
         "YYYY-MM-DD of a real date"},
        {"{'at':'/t','date':'/d','default':'00:00:00'}", "null,'d':'2026-11-22'", "2026-11-22T00:00:00Z"},
        {plus, "'2026-11-22T14:39:02Z','p':90", "2026-11-22T14:40:32Z"},
        {plus, "'2026-11-22T14:39:02Z','p':-0.5", "2026-11-22T14:39:01.500000Z"},
        {plus, "'2026-11-22T14:39:02Z'",
         "MISSING_FIELD: event_timestamp is missing at /p; expected a number in the "
         "mapping's unit"},
        {plus, "'2026-11-22T14:39:02Z','p':'90'",
         "WRONG_TYPE: event_timestamp at /p is a string; expected a number"},
        {plus, "'2026-11-22T14:39:02Z','p':9e18",
         "INVALID_TIMESTAMP: event_timestamp at /p is out of range; expected a time in the years 0000 to "
         "9999: check the unit in the mapping"},
        {plus_ms, "1795444742,'p':'123'", "2026-11-23T14:39:02.123000Z"},
        {plus_ms, "'1795444742','p':123", "2026-11-23T14:39:02.123000Z"},
    });
}

} // namespace
} // namespace heartbeat
