// Unit test: which payloads are readings. The decoded readings must be exact.
#include "decode/decoder_of_heartbeat.h"

#include <clocale>
#include <cmath>
#include <cstdlib>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <string_view>

namespace heartbeat {
namespace {

using namespace std::string_literals;

constexpr int64_t moment = 1795358342'123456; // of "2026-11-22T14:39:02.123456Z"

std::string payload_of(std::string_view customer_id, std::string_view heart_rate) {
    return R"({"customer_id":)"s.append(customer_id)
        .append(R"(,"heart_rate":)")
        .append(heart_rate)
        .append(R"(,"event_timestamp":"2026-11-22T14:39:02.123456Z"})");
}

// Decodes a copy without a spare byte, so that the address sanitizer finds a read past the end.
Reading decode(const std::string &payload) {
    const std::unique_ptr<char[]> exact(new char[payload.size()]);
    payload.copy(exact.get(), payload.size());
    Decoded decoded{};
    EXPECT_EQ(decoder_of_heartbeat()->decode({.payload = {exact.get(), payload.size()}}, &decoded),
              DecodeResult::decoded)
        << payload.substr(0, 300) << "\n"
        << decode_error_name(decoded.error.code) << ": " << decoded.error.text;
    return decoded.own;
}

std::string customer_id_of(const Reading &reading) {
    return {reading.customer_id, reading.customer_id_size};
}

TEST(Decode, DecodesTheExampleOfTheContract) {
    const Reading reading = decode(
        R"({"customer_id":"CUST-0007","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02.123456Z"})");
    EXPECT_EQ(customer_id_of(reading), "CUST-0007");
    EXPECT_EQ(reading.heart_rate, 74.0);
    EXPECT_EQ(reading.event_time, moment);
}

TEST(Decode, OrderSpaceEscapesAndUnknownKeysDoNotMatter) {
    const std::string payloads[] = {
        R"({"event_timestamp":"2026-11-22T14:39:02.123456Z","heart_rate":74,"customer_id":"CUST-0007"})",
        " \t\r\n{ \"customer_id\" : \"CUST-0007\" ,\n\"heart_rate\" : 74.0 ,\r\"event_timestamp\":"
        "\"2026-11-22 16:39:02.123456+02\" } \n",
        R"({"customer\u005fid":"\u0043UST-0007","heart_rate":7.4E+1,"event_timestamp":"2026-11-22T14:39:02.123456"})",
        R"({"customer_id":"CUST-0007","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02.123456Z",)"
        R"("device":{"customer_id":5,"heart_rate":[null,true,{"a":1.5}]},"Customer_ID":null,"heart_rate ":1,"":0})",
    };
    for (const std::string &payload : payloads) {
        const Reading reading = decode(payload);
        EXPECT_EQ(customer_id_of(reading), "CUST-0007") << payload;
        EXPECT_EQ(reading.heart_rate, 74.0) << payload;
        EXPECT_EQ(reading.event_time, moment) << payload;
    }
}

TEST(Decode, HeartRatesAreExact) {
    const struct {
        const char *text;
        double expected;
    } examples[] = {
        {"0", 0},
        {"0.0", 0},
        {"-1", -1},
        {"39.999", 39.999},
        {"40", 40},
        {"180", 180},
        {"180.0", 180},
        {"180.0001", 180.0001},
        {"300", 300},
        {"300.0001", 300.0001},
        {"72.123456789012345", 72.123456789012345},
        {"0.1", 0.1},
        {"1E2", 100},
        {"1e2", 100},
        {"1e+2", 100},
        {"12500E-2", 125},
        {"-1e-5", -1e-5},
        {"9007199254740993", 9007199254740992.0},
        {"9223372036854775807", 9223372036854775808.0},
        {"-9223372036854775808", -9223372036854775808.0},
        {"1.7976931348623157e308", 1.7976931348623157e308},
        {"99999999999999999999.0", 1e20},
        {"5e-324", 5e-324},
        {"1e-400", 0},
        {"-1e-400", -0.0},
    };
    for (const auto &example : examples)
        EXPECT_EQ(decode(payload_of("1", example.text)).heart_rate, example.expected) << example.text;

    EXPECT_TRUE(std::signbit(decode(payload_of("1", "-0.0")).heart_rate));
    const std::string long_fraction = "74." + std::string(5000, '0') + "1";
    EXPECT_EQ(decode(payload_of("1", long_fraction)).heart_rate, 74.0);
}

// jansson converts numbers with the C library, which takes the decimal point from the locale.
TEST(Decode, HeartRatesDoNotDependOnTheLocale) {
    const std::string before = std::setlocale(LC_NUMERIC, nullptr);
    // Set LOCPATH only in this test. Some libraries ask for a locale when the process loads them, and leak
    // memory if LOCPATH is set at that time.
    const char *locales = std::getenv("TEST_LOCALES");
    ASSERT_NE(locales, nullptr) << "run the tests with make check";
    setenv("LOCPATH", locales, 1);
    ASSERT_NE(std::setlocale(LC_NUMERIC, "de_DE.UTF-8"), nullptr);
    EXPECT_STREQ(std::localeconv()->decimal_point, ",");
    EXPECT_EQ(decode(payload_of("1", "72.625")).heart_rate, 72.625);
    EXPECT_EQ(decode(payload_of("1", "7.25e1")).heart_rate, 72.5);
    EXPECT_EQ(decode(payload_of("1", "72")).heart_rate, 72.0);

    const std::string seven_digits =
        R"({"customer_id":1,"heart_rate":1.5,"event_timestamp":"1970-01-01T00:00:00.1234567Z"})";
    EXPECT_EQ(decode(seven_digits).event_time, 123457);

    Decoded decoded;
    const std::string comma = payload_of("1", "72,5");
    EXPECT_EQ(decoder_of_heartbeat()->decode({.payload = {comma.data(), comma.size()}}, &decoded),
              DecodeResult::failed);
    EXPECT_EQ(decoded.error.code, DecodeErrorCode::invalid_json);
    std::setlocale(LC_NUMERIC, before.c_str());
    unsetenv("LOCPATH");
}

TEST(Decode, CustomerIdsAreExact) {
    const struct {
        std::string json;
        std::string expected;
    } examples[] = {
        {R"("x")", "x"},
        {R"(" ")", " "},
        {R"("null")", "null"},
        {R"("007")", "007"},
        {R"("a\"b\\c\/d\b\f\n\r\t")", "a\"b\\c/d\b\f\n\r\t"},
        {R"("\u0001\u007f")", "\x01\x7f"},
        {R"("\u00e9")", "\u00e9"},
        {R"("é")", "é"},
        {R"("\ud83d\ude00")", "\U0001F600"},
        {R"("😀")", "\U0001F600"},
        {R"("\uFFFF")", "\uFFFF"},
        {R"("\uDBFF\uDFFF")", "\U0010FFFF"},
        {"0", "0"},
        {"-0", "0"},
        {"7", "7"},
        {"-42", "-42"},
        {"9223372036854775807", "9223372036854775807"},
        {"-9223372036854775808", "-9223372036854775808"},
    };
    for (const auto &example : examples)
        EXPECT_EQ(customer_id_of(decode(payload_of(example.json, "74"))), example.expected) << example.json;
}

TEST(Decode, AcceptsCustomerIdsOfTheMaximalLength) {
    for (const std::string character : {"a", "\u00e9", "\u20ac", "\U0001F600"}) {
        std::string customer_id;
        for (size_t i = 0; i < customer_id_max_characters; ++i)
            customer_id += character;
        ASSERT_LE(customer_id.size(), customer_id_max_bytes);
        EXPECT_EQ(customer_id_of(decode(payload_of('"' + customer_id + '"', "74"))), customer_id);
    }
}

TEST(Decode, FindsTheFieldsInLargePayloads) {
    const std::string payload = payload_of("7", "74,\"note\":\"" + std::string(1 << 20, 'x') + '"');
    EXPECT_EQ(customer_id_of(decode(payload)), "7");

    std::string keys = "74";
    for (int i = 0; i < 20000; ++i)
        keys += ",\"key" + std::to_string(i) + "\":[" + std::to_string(i) + "]";
    EXPECT_EQ(decode(payload_of("8", keys)).heart_rate, 74.0);
}

} // namespace
} // namespace heartbeat
