// Unit test: the thread of a question frees everything that the question has captured before it releases the
// client. A list of partitions refers to objects of the client, so librdkafka must still have the client when
// the list is freed.
#include "kafka/question.h"

#include <atomic>
#include <chrono>
#include <gtest/gtest.h>
#include <memory>
#include <thread>

using namespace heartbeat;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds deadline{20};

enum class Freed { not_yet, before_client, after_client };

// Imitates a list of partitions that refers to the client.
struct Captured {
    std::weak_ptr<SharedClient> client;
    std::atomic<Freed> *freed;

    ~Captured() { *freed = client.expired() ? Freed::after_client : Freed::before_client; }
};

Freed wait_until_freed(const std::atomic<Freed> &freed) {
    auto until = Clock::now() + deadline;
    while (freed == Freed::not_yet && Clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
    return freed;
}

} // namespace

// When the call returns, only the thread still owns the client. The same happens when a session closes its
// consumer during a question.
TEST(Question, FreesWhatItHasCapturedBeforeTheClient) {
    for (bool throws : {false, true}) {
        std::atomic<Freed> freed{Freed::not_yet};
        auto client = std::make_shared<SharedClient>();
        auto captured = std::make_shared<Captured>();
        captured->client = client;
        captured->freed = &freed;
        QuestionPointer<CallAnswer> question =
            question_ask<CallAnswer>(std::move(client), std::make_shared<Wake>(own_pipe),
                                     [captured = std::move(captured), throws](SharedClient & /*client*/) {
                                         if (throws)
                                             throw std::bad_alloc();
                                         return CallAnswer();
                                     });
        EXPECT_EQ(wait_until_freed(freed), Freed::before_client) << throws;
    }
}
