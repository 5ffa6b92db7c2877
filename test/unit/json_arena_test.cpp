// Unit test: decoding while an allocation fails.
#include "decode_examples.h"
#include "failing_allocations.h"

namespace heartbeat {
namespace {

Decoded decoded{};

// Decodes the payload. The first n allocations succeed, and the next allocation fails.
bool decode_failing(long n, const std::string &payload) {
    allocations_left = n;
    const bool is_reading = decode_payload(payload.data(), payload.size(), &decoded);
    allocations_left = no_limit;
    return is_reading;
}

TEST(JsonArena, AnOrdinaryReadingNeedsNoAllocation) {
    const std::string payload = document('"' + repeated("a", 256) + '"', "74.123456789012345678", good_time);
    EXPECT_TRUE(decode_failing(0, payload));
    EXPECT_EQ(decoded.own.heart_rate, 74.123456789012345678);
}

// After each failed allocation, the error has the code OUT_OF_MEMORY, and not the code of a dead letter. The
// leak sanitizer checks that no memory leaks.
TEST(JsonArena, EachFailedAllocationGivesOutOfMemory) {
    const std::string payload =
        with_rate("7" + repeated("0", 20) + ".5,\"x\":[" + repeated("1,", 20000) + "1]");
    long attempts = 0;
    for (; !decode_failing(attempts, payload); ++attempts) {
        ASSERT_LT(attempts, 100);
        EXPECT_EQ(decoded.error.code, Code::out_of_memory) << decoded.error.text;
    }
    EXPECT_GT(attempts, 5);
    EXPECT_EQ(decoded.own.heart_rate, 7e20);
}

// Only a long token makes the parser's buffer grow. If the allocation of the larger buffer fails, the number
// must not lose its last digits.
TEST(JsonArena, ALongNumberKeepsItsDigits) {
    const std::string payload = with_rate("1" + repeated("0", 10000) + "e-10000");
    for (long n = 0; n < 20; ++n) {
        if (decode_failing(n, payload))
            EXPECT_EQ(decoded.own.heart_rate, 1.0);
        else
            EXPECT_EQ(decoded.error.code, Code::out_of_memory) << decoded.error.text;
    }
    EXPECT_EQ(decoded.own.heart_rate, 1.0);
}

} // namespace
} // namespace heartbeat
