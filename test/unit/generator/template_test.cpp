// Unit tests of the generator: the messages that a template writes, and the errors of a wrong template.
#include "template_compile.h"

#include <gtest/gtest.h>
#include <optional>
#include <random>
#include <string>

namespace heartbeat::generator {
namespace {

constexpr int64_t start = 1'795'358'342'123'456; // 2026-11-22T14:39:02.123456Z

MessageReadings readings_of(const std::vector<double> &heart_rates, int64_t interval = 1'500'000) {
    MessageReadings readings{9, 7, 2, "CUST-0007", "DEV-0007-2", {}};
    for (const double heart_rate : heart_rates)
        readings.samples.push_back(
            {start + interval * static_cast<int64_t>(readings.samples.size()), heart_rate});
    return readings;
}

std::string written(const std::vector<Step> &steps, const MessageReadings &readings) {
    std::mt19937_64 random(1);
    std::string text;
    template_write(steps, readings, &random, &text);
    return text;
}

// Returns the message that a template with this value writes.
std::string value_of(const std::string &value,
                     const MessageReadings &readings = readings_of({74, 80, 81, 82})) {
    return written(template_compile(R"({"value": )" + value + "}", "test").value, readings);
}

TEST(Template, KeepsLiterals) {
    for (const char *json :
         {R"({"b":1,"a":[true,false,null,{}],"c":{"d":[]}})", R"(["\"\\\u0001","ä€𝄞",""])", "-5", "1.5",
          R"("text")", R"({"":0})", R"({"$date":1,"$":2})", "9007199254740993", "2.0"})
        EXPECT_EQ(value_of(json), json);
}

TEST(Template, WritesEachPlaceholder) {
    const std::pair<const char *, const char *> examples[] = {
        {R"("${customer_id}")", R"("CUST-0007")"},
        {R"("Patient/${customer_id}")", R"("Patient/CUST-0007")"},
        {R"("${device_id}${customer_id}!")", R"("DEV-0007-2CUST-0007!")"},
        {R"("${customer_number}")", "7"},
        {R"("${device_number}")", "2"},
        {R"("${message_number}")", "9"},
        {R"("${heart_rate}")", "74"},
        {R"("${heart_rate} bpm")", R"("74 bpm")"},
        {R"("${heart_rate|text}")", R"("74")"},
        {R"("${heart_rate:bpm}")", "74"},
        {R"("${heart_rate:hz}")", "1.2333333333333334"},
        {R"("${heart_rate:rr_ms}")", "810.8108108108108"},
        {R"("${heart_rate:rr_s|text}")", R"("0.8108108108108109")"},
        {R"("${time}")", R"("2026-11-22T14:39:02.123456Z")"},
        {R"("${time:ms}")", "1795358342123"},
        {R"("${time:ms|text}")", R"("1795358342123")"},
        {R"("${time:YYYYMMDDHHMMSS}")", R"("20261122143902")"},
        {R"("${start_time:s}")", "1795358342"},
        {R"("${end_time:s.f}")", "1795358346.6"},
        {R"("${duration:ms}")", "4500"},
        {R"("${offset}")", "0"},
        {R"({"${time:s}":"${heart_rate}"})", R"({"1795358342":74})"},
        {R"("$${heart_rate} costs $5 ${customer_id}")", R"("${heart_rate} costs $5 CUST-0007")"},
    };
    for (const auto &[text, expected] : examples)
        EXPECT_EQ(value_of(text), expected) << text;
}

TEST(Template, AHeartRateOfZeroHasNoInterval) {
    EXPECT_EQ(value_of(R"("${heart_rate:rr_ms}")", readings_of({0})), "0");
    EXPECT_EQ(value_of(R"("${heart_rate:rr_ms}")", readings_of({-60})), "-1000");
}

TEST(Template, EachUuidIsNew) {
    const std::string text = value_of(R"("${uuid} ${uuid}")");
    EXPECT_EQ(text.size(), 75U);
    EXPECT_NE(text.substr(1, 36), text.substr(38, 36));
    EXPECT_EQ(text[15], '4') << text;
    EXPECT_NE(std::string("89ab").find(text[20]), std::string::npos) << text;
}

TEST(Template, WritesAnArrayOrAnObjectOfReadings) {
    const std::pair<const char *, const char *> examples[] = {
        {R"({"$repeat": 4, "$each": "${heart_rate}"})", "[74,80,81,82]"},
        {R"({"$repeat": 2, "$each": {"t": "${time:s}", "o": "${offset:ms}"}})",
         R"([{"t":1795358342,"o":0},{"t":1795358343,"o":1500}])"},
        {R"({"$repeat": 3, "$name": "${offset:s.f}", "$each": "${heart_rate}"})",
         R"({"0.0":74,"1.5":80,"3.0":81})"},
        // An element of the outer array has several readings. Outside of the inner array, the element writes
        // the first of these readings.
        {R"({"$repeat": 2, "$each": {"a": "${heart_rate}", "b": {"$repeat": 2, "$each": "${heart_rate}"}}})",
         R"([{"a":74,"b":[74,80]},{"a":81,"b":[81,82]}])"},
        // two arrays are side by side: each array writes all readings of the message
        {R"({"t": {"$repeat": 4, "$each": "${offset:ms}"}, "h": {"$repeat": 4, "$each": "${heart_rate}"}})",
         R"({"t":[0,1500,3000,4500],"h":[74,80,81,82]})"},
    };
    for (const auto &[text, expected] : examples)
        EXPECT_EQ(value_of(text), expected) << text;
}

TEST(Template, AShortMessageHasShortArrays) {
    EXPECT_EQ(value_of(R"({"$repeat": 3, "$each": {"$repeat": 3, "$each": "${heart_rate}"}})"),
              "[[74,80,81],[82]]");
}

size_t samples_of(const std::string &value, std::optional<uint32_t> samples = std::nullopt) {
    return template_compile(R"({"value": )" + value + "}", "test", samples).samples;
}

TEST(Template, CountsTheReadingsOfAMessage) {
    const std::string nested = R"({"$repeat": 3, "$each": {"x": {"$repeat": 5, "$each": 1}}})";
    EXPECT_EQ(samples_of("1"), 1U);
    EXPECT_EQ(samples_of(nested), 15U);
    EXPECT_EQ(samples_of(nested, 7), 21U);
    EXPECT_EQ(samples_of(nested, 1), 3U);
    EXPECT_EQ(samples_of(R"([{"$repeat": 3, "$each": 1}, {"$repeat": 2, "$each": 1}])"), 3U);
    EXPECT_EQ(samples_of(R"({"$repeat": 3, "$each": 1})", 1'000'000), 1'000'000U);
}

TEST(Template, WritesKeyAndHeaders) {
    const MessageTemplate layout = template_compile(
        R"({"$comment": "x", "value": 1, "key": "${customer_id}", "headers": {"a": "1", "device": "${device_id}"}})",
        "test");
    EXPECT_EQ(written(*layout.key, readings_of({1})), "CUST-0007");
    ASSERT_EQ(layout.headers.size(), 2U);
    EXPECT_EQ(layout.headers[1].name, "device");
    EXPECT_EQ(written(layout.headers[1].value, readings_of({1})), "DEV-0007-2");
    EXPECT_TRUE(layout.has_device);

    const MessageTemplate json =
        template_compile(R"({"value": 1, "key": {"user": "${customer_number}"}})", "test");
    EXPECT_EQ(written(*json.key, readings_of({1})), R"({"user":7})");
    EXPECT_FALSE(json.has_device);
    EXPECT_FALSE(template_compile(R"({"value": 1})", "test").key);
}

int64_t resolution_of(const std::string &value) {
    return template_compile(R"({"value": )" + value + "}", "test").resolution;
}

TEST(Template, FindsThePrecisionOfItsTimes) {
    EXPECT_EQ(resolution_of(R"("${time:ms}")"), 1000);
    EXPECT_EQ(resolution_of(R"(["${time:s}", "${time:ms}"])"), 1000);
    EXPECT_EQ(resolution_of("1"), 1000); // a value without a time has the precision of Kafka's timestamp
    EXPECT_EQ(resolution_of(R"({"start": "${start_time:ms}", "x": {"$repeat": 2, "$each": "${time:s}"}})"),
              1'000'000);
    EXPECT_EQ(resolution_of(R"({"start": "${start_time:s}", "x": {"$repeat": 2, "$each": "${offset:ms}"}})"),
              1'000'000);
    EXPECT_EQ(resolution_of(R"({"start": "${start_time:us}", "x": {"$repeat": 2, "$each": "${offset:ms}"}})"),
              1000);
    EXPECT_EQ(
        resolution_of(R"({"start": "${start_time:ms}", "x": {"$repeat": 2, "$each": "${heart_rate}"}})"),
        1000);
}

TEST(Template, KnowsWhetherAMessageHasOneDate) {
    const MessageTemplate layout = template_compile(
        R"({"value": {"d": "${start_time:YYYY-MM-DD}", "x": {"$repeat": 2, "$each": "${time:HH:MM:SS+01:00}"}}})",
        "test");
    EXPECT_EQ(layout.day_zone, 3'600'000'000);
    EXPECT_FALSE(template_compile(R"({"value": ["${time:YYYY-MM-DD}", "${time:HH:MM}"]})", "test").day_zone);
}

TEST(Template, NamesThePlaceOfAMistakeAndTheLegalValues) {
    struct Mistake {
        const char *json;
        const char *place;
        const char *legal;
    };
    const Mistake mistakes[] = {
        {"{\"value\": 1,\n \"value\" 2}", "t: line 2, column", ""},
        {"", "t: line", ""},
        {R"({"value": 1, "value": 2})", "t: line 1", "duplicate"},
        {"[]", "t: a template is", "value"},
        {"{}", "t: the member \"value\" is missing", ""},
        {R"({"customer_id": 1})", "t: at /customer_id:", "Legal members are value"},
        {R"({"value": null})", "t: at /value:", "Give an object"},
        {R"({"value": [{"a/b": "${tme:ms}"}]})", "t: at /value/0/a~1b: there is no placeholder \"tme\"",
         "customer_id"},
        {R"({"value": "${}"})", "there is no placeholder \"\"", "heart_rate"},
        {R"({"value": "${time:sec}"})", "t: at /value: \"sec\"", "Legal formats are iso"},
        {R"({"value": "${customer_id:s}"})", "has no format", ""},
        {R"({"value": "${heart_rate:ms}"})", "\"ms\" is not a unit of a heart rate",
         "bpm, hz, rr_ms and rr_s"},
        {R"({"value": "${offset:iso}"})", "\"iso\" is not a unit of a duration", "s, ms, us and ns"},
        {R"({"value": "${heart_rate|number}"})", "\"|number\" is unknown", "|text"},
        {R"({"value": "a ${heart_rate"})", "\"${heart_rate\" has no closing brace", "$${"},
        {R"({"value": {"${x}": 1}})", "t: at /value/${x}:", "Legal placeholders are"},
        {R"({"value": {"$repeat": 0, "$each": 1}})", "t: at /value/$repeat:", "from 1 to 1000000"},
        {R"({"value": {"$repeat": "60", "$each": 1}})", "t: at /value/$repeat:", "from 1 to 1000000"},
        {R"({"value": {"$repeat": 60}})", "t: at /value: $each is missing", ""},
        {R"({"value": {"$each": 60}})", "t: at /value: $repeat is missing", "\"$repeat\": 60"},
        {R"({"value": {"$repeat": 6, "$each": 1, "$name": 2}})", "t: at /value/$name:", "${offset:s}"},
        {R"({"value": {"$repeat": 6, "$each": 1, "more": 2}})", "t: at /value/more:", "$each"},
        {R"({"value": {"$repeat": 1001, "$each": {"$repeat": 1000, "$each": 1}}})",
         "t: at /value:", "at most 1000000 readings"},
        {R"({"value": 1, "key": {"$repeat": 6, "$each": 1}})", "t: at /key:", "only in"},
        {R"({"value": 1, "headers": []})", "t: at /headers:", "object"},
        {R"({"value": 1, "headers": {"a": 1}})", "t: at /headers/a:", "text"},
    };
    for (const Mistake &mistake : mistakes) {
        try {
            template_compile(mistake.json, "t");
            ADD_FAILURE() << mistake.json;
        } catch (const TemplateError &error) {
            EXPECT_NE(std::string(error.what()).find(mistake.place), std::string::npos) << error.what();
            EXPECT_NE(std::string(error.what()).find(mistake.legal), std::string::npos) << error.what();
        }
    }
}

} // namespace
} // namespace heartbeat::generator
