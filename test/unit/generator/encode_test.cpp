// Unit tests of the generator: the exact bytes of a message.
#include "encode.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>
#include <string_view>

namespace heartbeat::generator {
namespace {

std::string encoded(std::string_view customer_id, double heart_rate, int64_t event_time) {
    Reading reading;
    memcpy(reading.customer_id, customer_id.data(), customer_id.size());
    reading.customer_id_size = static_cast<uint16_t>(customer_id.size());
    reading.heart_rate = heart_rate;
    reading.event_time = event_time;
    std::string payload = "the old contents";
    encode_reading(reading, &payload);
    return payload;
}

TEST(Encode, EncodesTheExampleOfTheContract) {
    EXPECT_EQ(
        encoded("CUST-0007", 74, 1'795'358'342'123'456),
        R"({"customer_id":"CUST-0007","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02.123456Z"})");
}

TEST(Encode, EncodesHeartRates) {
    const std::pair<double, const char *> examples[] = {
        {0, "0"}, {-60, "-60"}, {400, "400"}, {72.5, "72.5"}, {0.1, "0.1"}, {1e22, "1e+22"},
    };
    for (const auto &[heart_rate, text] : examples)
        EXPECT_EQ(encoded("A", heart_rate, 0), std::string(R"({"customer_id":"A","heart_rate":)") + text +
                                                   R"(,"event_timestamp":"1970-01-01T00:00:00.000000Z"})");
}

TEST(Encode, EncodesTheLongestCustomerId) {
    const std::string id(customer_id_max_bytes, 'x');
    EXPECT_EQ(encoded(id, 74, 0),
              R"({"customer_id":")" + id +
                  R"(","heart_rate":74,"event_timestamp":"1970-01-01T00:00:00.000000Z"})");
}

} // namespace
} // namespace heartbeat::generator
