// Unit tests of the stream half: decoding while memory is short.
#include "decode_examples.h"

#include <cerrno>
#include <cstdlib>
#include <jansson.h>

namespace heartbeat {
namespace {

int allocations_left;

void *allocate_while_left(size_t size) {
    if (allocations_left-- > 0)
        return std::malloc(size);
    errno = ENOMEM;
    return nullptr;
}

class JsonArena : public testing::Test {
  protected:
    void SetUp() override {
        json_get_alloc_funcs(&usual_malloc, &usual_free);
        json_set_alloc_funcs(allocate_while_left, std::free);
    }
    void TearDown() override {
        json_malloc_t last_malloc = nullptr;
        json_free_t last_free = nullptr;
        json_get_alloc_funcs(&last_malloc, &last_free);
        json_set_alloc_funcs(usual_malloc, usual_free);
        EXPECT_EQ(last_malloc, allocate_while_left) << "the decoder did not give the allocator back";
    }

    json_malloc_t usual_malloc = nullptr;
    json_free_t usual_free = nullptr;
    Reading reading{};
    DecodeError error{};
};

TEST_F(JsonArena, AnOrdinaryReadingNeedsNoMemory) {
    const std::string payload = document('"' + repeated("a", 256) + '"', "74.123456789012345678", good_time);
    allocations_left = 0;
    EXPECT_TRUE(decode_message(payload.data(), payload.size(), &reading, &error));
    EXPECT_EQ(reading.heart_rate, 74.123456789012345678);
}

// Whichever allocation fails, it is no fault of the message, and nothing of the attempt stays behind (which
// the leak sanitizer checks).
TEST_F(JsonArena, EveryAllocationFailsInTurn) {
    const std::string payload =
        with_rate("7" + repeated("0", 20) + ".5,\"x\":[" + repeated("1,", 20000) + "1]");
    int attempts = 0;
    for (bool decoded = false; !decoded; ++attempts) {
        ASSERT_LT(attempts, 100);
        allocations_left = attempts;
        decoded = decode_message(payload.data(), payload.size(), &reading, &error);
        if (!decoded) {
            EXPECT_EQ(error.code, Code::out_of_memory) << error.text;
        }
    }
    EXPECT_GT(attempts, 5);
    EXPECT_EQ(reading.heart_rate, 7e20);
}

// A long token alone makes the parser's buffer grow; a growth that fails must not cost the number its last
// digits.
TEST_F(JsonArena, ALongNumberKeepsItsDigits) {
    const std::string payload = with_rate("1" + repeated("0", 10000) + "e-10000");
    for (int available = 0; available < 20; ++available) {
        allocations_left = available;
        if (decode_message(payload.data(), payload.size(), &reading, &error))
            EXPECT_EQ(reading.heart_rate, 1.0);
        else
            EXPECT_EQ(error.code, Code::out_of_memory) << error.text;
    }
    EXPECT_EQ(reading.heart_rate, 1.0);
}

} // namespace
} // namespace heartbeat
