// Unit test: decoding on several threads at the same time, decoding during another parse, and decoding while
// another library uses jansson. The Makefile also runs these tests under the thread sanitizer.
#include "decode/json_arena.h"
#include "decode_examples.h"
#include "failing_allocations.h"

#include <atomic>
#include <clocale>
#include <cstdlib>
#include <locale.h>
#include <thread>
#include <vector>

namespace heartbeat {
namespace {

constexpr int thread_count = 4;
#ifdef __SANITIZE_THREAD__
constexpr int rounds = 300;
#else
constexpr int rounds = 2000;
#endif

// Returns a message that only the JSON parser can read, because the message has unknown keys, escapes and
// nested values. Some messages need more memory than the buffer inside a JsonArena has. Each message has a
// different reading.
std::string payload_of(int thread, int round) {
    const std::string number = std::to_string(thread * 100000 + round);
    return with_rate(number + ".5,\"\\u0078\":[" +
                     repeated("{\"" + number + "\":[1.5,\"\\u00e9\"]},", round % 40) + "null]");
}

void expect_reading(int thread, int round) {
    const std::string payload = payload_of(thread, round);
    Decoded decoded{};
    ASSERT_TRUE(decode_payload(payload.data(), payload.size(), &decoded)) << decoded.error.text;
    ASSERT_EQ(decoded.own.heart_rate, thread * 100000 + round + 0.5);
    ASSERT_EQ(std::string(decoded.own.customer_id, decoded.own.customer_id_size), "CUST-0007");
    ASSERT_FALSE(decode_payload(payload.data(), payload.size() - 1, &decoded));
    ASSERT_EQ(decoded.error.code, Code::invalid_json);
}

template <typename Work> void on_threads(Work work) {
    std::vector<std::thread> threads;
    threads.reserve(thread_count);
    for (int thread = 0; thread < thread_count; ++thread)
        threads.emplace_back([=] { work(thread); });
    for (std::thread &thread : threads)
        thread.join();
}

TEST(DecodeThreads, EachThreadHasItsOwnReadings) {
    on_threads([](int thread) {
        for (int round = 0; round < rounds; ++round)
            expect_reading(thread, round);
    });
}

TEST(DecodeThreads, AThreadOutOfMemoryDoesNotDisturbOtherThreads) {
    std::atomic<bool> done{false};
    std::atomic<int> starved{0};
    std::thread starving([&] {
        const std::string payload = with_rate("1.5,\"x\":[" + repeated("1,", 5000) + "1]");
        while (!done) {
            Decoded decoded{};
            allocations_left = 0; // the next allocation of any thread fails
            if (!decode_payload(payload.data(), payload.size(), &decoded)) {
                starved++;
                EXPECT_EQ(decoded.error.code, Code::out_of_memory) << decoded.error.text;
            }
            allocations_left = no_limit;
        }
    });
    for (int round = 0; round < rounds || starved < 50; ++round) {
        ASSERT_LT(round, 10'000'000);
        Decoded decoded{};
        const char payload[] =
            R"({"x":1.5,"customer_id":"a","heart_rate":74,"event_timestamp":"2026-11-22T00:00:00Z"})";
        ASSERT_TRUE(decode_payload(payload, sizeof(payload) - 1, &decoded)) << decoded.error.text;
        ASSERT_EQ(decoded.own.heart_rate, 74.0);
    }
    done = true;
    starving.join();
}

json_t *load(heartbeat::JsonArena *arena, const std::string &text) {
    json_error_t error{};
    bool out_of_memory = true;
    json_t *const value = arena->load(text.data(), text.size(), 0, &error, &out_of_memory);
    EXPECT_NE(value, nullptr) << error.text;
    EXPECT_FALSE(out_of_memory);
    return value;
}

TEST(DecodeThreads, AnArenaInsideAnotherKeepsBothResults) {
    on_threads([](int thread) {
        for (int round = 0; round < rounds / 10; ++round) {
            heartbeat::JsonArena outer;
            const json_t *const first = load(&outer, "[\"first " + std::to_string(thread) + "\"]");
            {
                heartbeat::JsonArena inner;
                load(&inner, "[" + repeated("\"inner\",", 2000) + "1]");
                expect_reading(thread, round); // a third parse during the two other parses
            }
            const json_t *const second = load(&outer, "[\"second " + std::to_string(thread) + "\"]");
            ASSERT_EQ(json_string_value(json_array_get(first, 0)), "first " + std::to_string(thread));
            ASSERT_EQ(json_string_value(json_array_get(second, 0)), "second " + std::to_string(thread));
        }
    });
}

std::atomic<int> held; // the blocks that the other library has allocated and not freed

void *count_malloc(size_t size) {
    held++;
    return std::malloc(size);
}

void count_free(void *memory) {
    held--;
    std::free(memory);
}

// Another library uses jansson with its own allocator. The other library allocates memory before the first
// message is decoded, and between messages. The allocator of the other library must free all of this memory.
TEST(DecodeThreads, AnotherUserOfJanssonKeepsItsAllocator) {
    json_malloc_t usual_malloc;
    json_free_t usual_free;
    json_get_alloc_funcs(&usual_malloc, &usual_free);
    json_set_alloc_funcs(count_malloc, count_free);
    json_t *const before = json_loads("{\"before\":[1,2,3]}", 0, nullptr);
    const int held_before = held;
    EXPECT_GT(held_before, 0);
    on_threads([](int thread) {
        for (int round = 0; round < rounds / 10; ++round) {
            expect_reading(thread, round);
            json_t *const meanwhile = json_pack("{s:i}", "round", round);
            expect_reading(thread, round);
            ASSERT_EQ(json_integer_value(json_object_get(meanwhile, "round")), round);
            json_decref(meanwhile);
        }
    });
    EXPECT_EQ(held, held_before) << "messages are decoded without the other user's allocator";
    EXPECT_EQ(json_array_size(json_object_get(before, "before")), 3U);
    json_decref(before);
    EXPECT_EQ(held, 0);
    json_set_alloc_funcs(usual_malloc, usual_free);
}

// The server changes the locale of the process for a moment, for example for to_char() and for values of type
// money. Meanwhile a thread can decode a message, and must still read the point in 1.5 as the decimal point.
TEST(DecodeThreads, DecodesWhileTheProcessChangesItsLocale) {
    const char *locales = std::getenv("TEST_LOCALES");
    ASSERT_NE(locales, nullptr) << "run the tests with make check";
    setenv("LOCPATH", locales, 1);
    ASSERT_NE(std::setlocale(LC_NUMERIC, "de_DE.UTF-8"), nullptr);
    const locale_t own = uselocale(nullptr);
    expect_reading(0, 1);
    EXPECT_EQ(uselocale(nullptr), own) << "the thread has its locale back";
    EXPECT_STREQ(std::localeconv()->decimal_point, ",");
    std::atomic<int> running{thread_count};
    std::thread changing([&] {
        while (running > 0) {
            std::setlocale(LC_NUMERIC, "C");
            std::setlocale(LC_NUMERIC, "de_DE.UTF-8");
        }
    });
    on_threads([&](int thread) {
        for (int round = 0; round < rounds; ++round)
            expect_reading(thread, round);
        running--;
    });
    changing.join();
    std::setlocale(LC_NUMERIC, "C");
    unsetenv("LOCPATH");
}

} // namespace
} // namespace heartbeat
