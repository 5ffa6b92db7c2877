// Unit test: which payloads decode_plain() accepts, and which payloads it leaves to the JSON parser.
// decode_plain() and the JSON parser must return equal results.
#include "decode/decode_plain.h"

#include "decode/decode_json.h"

#include <bit>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <vector>

namespace heartbeat {
namespace {

using namespace std::string_literals;

constexpr char good_time[] = "2026-11-22T14:39:02.123456Z";

std::string reading_of(const std::string &id, const std::string &rate, const std::string &time = good_time) {
    return R"({"customer_id":")" + id + R"(","heart_rate":)" + rate + R"(,"event_timestamp":")" + time +
           R"("})";
}

// Decodes a copy without a spare byte, so that the address sanitizer finds a read past the end.
bool take(const std::string &payload, Reading *reading) {
    const std::unique_ptr<char[]> exact(new char[payload.size()]);
    payload.copy(exact.get(), payload.size());
    return decode_plain({exact.get(), payload.size()}, reading);
}

void expect_same_as_parser(const std::string &payload) {
    Reading plain, parsed;
    DecodeError error;
    ASSERT_TRUE(take(payload, &plain)) << payload;
    ASSERT_TRUE(decode_json(payload.data(), payload.size(), &parsed, &error)) << payload << "\n"
                                                                              << error.text;
    EXPECT_EQ(std::string(plain.customer_id, plain.customer_id_size),
              std::string(parsed.customer_id, parsed.customer_id_size));
    EXPECT_EQ(std::bit_cast<uint64_t>(plain.heart_rate), std::bit_cast<uint64_t>(parsed.heart_rate))
        << payload;
    EXPECT_EQ(plain.event_time, parsed.event_time) << payload;
}

TEST(DecodePlain, AcceptsThePayloadsOfProducers) {
    for (const std::string &payload : {
             reading_of("CUST-0007", "74"),
             reading_of("CUST-0007", "74.5", "2026-11-22 14:39:02"),
             reading_of(" ~!#[]/", "0", "2026-11-22T14:39:02.1234567+05:30"),
             reading_of(std::string(customer_id_max_characters, 'x'), "300"),
             // this is the text that Python's json.dumps writes
             R"({"customer_id": "CUST-0007", "heart_rate": 74, "event_timestamp": "2026-11-22T14:39:02Z"})"s,
             R"({  "event_timestamp"  :  "2026-11-22T14:39:02Z"  ,"heart_rate":1.25 , "customer_id":"a"  })"s,
         })
        expect_same_as_parser(payload);
}

TEST(DecodePlain, NumbersEqualThoseOfTheParser) {
    for (const char *rate : {"0", "0.0", "0.1", "39.999999999999", "40", "180.00000000001", "300.00000000001",
                             "74.25", "123456789012345", "0.0000000000001", "999999999999.99"})
        expect_same_as_parser(reading_of("a", rate));
}

TEST(DecodePlain, LeavesEachTruncatedPayloadToTheParser) {
    const std::string whole = reading_of("CUST-0007", "74.5");
    Reading reading;
    ASSERT_TRUE(take(whole, &reading));
    for (size_t size = 0; size < whole.size(); ++size)
        EXPECT_FALSE(take(whole.substr(0, size), &reading)) << whole.substr(0, size);
}

TEST(DecodePlain, LeavesAllOtherPayloadsToTheParser) {
    const std::vector<std::string> others = {
        // readings
        R"({"customer_id":7,"heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
        R"({"customer_id":"a\u0041","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
        reading_of("J\xC3\xB6rg", "74"),
        reading_of("a", "-1"),
        reading_of("a", "-0"),
        reading_of("a", "1e2"),
        reading_of("a", "74.00000000000001"),
        reading_of("a", "74") + "\n",
        "\n" + reading_of("a", "74"),
        R"({"customer_id":"a","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z","v":1})",
        "{\"customer_id\":\"a\",\t\"heart_rate\":74,\"event_timestamp\":\"2026-11-22T14:39:02Z\"}",
        // not readings
        reading_of("", "74"),
        reading_of(std::string(customer_id_max_characters + 1, 'x'), "74"),
        reading_of("a\x7F", "74"),
        reading_of("a\xFF", "74"),
        reading_of("a\nb", "74"),
        reading_of("a"s + '\0', "74"),
        reading_of("a", ""),
        reading_of("a", "074"),
        reading_of("a", "74."),
        reading_of("a", ".5"),
        reading_of("a", "1.2.3"),
        reading_of("a", "+74"),
        reading_of("a", "nan"),
        reading_of("a", "0x10"),
        reading_of("a", "74", "yesterday"),
        reading_of("a", "74", "2026-02-30T00:00:00Z"),
        reading_of("a", "74") + "}",
        R"({"customer_id":"a","heart_rate":74})",
        R"({"customer_id":"a","heart_rate":74,"heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
        R"({"customer_id":"a","heart_rate":74,"heart_rate":75})",
        R"({"customer_id":"a","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z",})",
        R"({"customer_id":"a" "heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
        R"({"customer_id","a","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
        R"({})",
        R"([])",
    };
    Reading reading;
    for (const std::string &payload : others)
        EXPECT_FALSE(take(payload, &reading)) << payload;
}

} // namespace
} // namespace heartbeat
