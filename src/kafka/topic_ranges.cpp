// Asks the leaders of partitions for offsets. Each leader gets a question of its own. leader_offsets.cpp asks
// the question on a thread. A leader that does not answer in time counts as away.
#include "kafka/topic_ranges.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/leader_offsets.h"
#include "kafka/question.h"
#include "kafka/topic_leader.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <map>
#include <vector>

namespace heartbeat {

namespace {

constexpr std::chrono::milliseconds answers_take{1500}; // after this time the leader counts as away
// If the last answer of a leader took a long time, the client waits up to this time for the leader's next
// answer.
constexpr std::chrono::milliseconds answers_take_max{4000};
// After an error of a leader's connection, the client waits at most this time for the leader's answer. The
// error can belong to an earlier connection, and the answer can wait behind a fetch.
constexpr std::chrono::milliseconds errors_take{1000};

using Clock = std::chrono::steady_clock;

bool is_asked(const Questions &questions, int32_t partition, int32_t leader, RangeKind kind) {
    return std::any_of(questions.ranges.begin(), questions.ranges.end(), [=](const RangesQuestion &question) {
        return question.leader == leader && question.kind == kind &&
               std::find(question.partitions.begin(), question.partitions.end(), partition) !=
                   question.partitions.end();
    });
}

// Adds an answer that tells the caller to ask for the partition again at once.
void ask_again(Consumer *consumer, RangeKind kind, int32_t partition) {
    consumer->questions.answers.push_back({kind, false, false, true, {partition, -1, -1}, {}});
}

// Adds an answer which says that the partition's leader is away. The reason in the answer is the last error
// of the leader's connection, which has more details than `fallback`. Without such an error, the reason is
// `fallback`.
void tell_away(Consumer *consumer, int32_t partition, RangeKind kind, const char *fallback) {
    RangeAnswer answer = {kind, false, false, false, {partition, -1, -1}, {}};
    topic_describe_leader(consumer, partition, fallback, &answer.reason);
    consumer->questions.answers.push_back(answer);
}

// Returns whether the leader throttles this client. Such a leader can answer after the timeout of the
// question, so it does not count as away.
bool is_delayed(const Consumer &consumer, const RangesQuestion &question) {
    return consumer.throttles.is_throttled(question.leader, Clock::now());
}

// Tells the other consumers of the client whether the leader answers.
void tell_others(Consumer *consumer, int32_t leader, bool answers) {
    KafkaClient &client = *consumer->shared->client;
    if (client.watch.hear(leader, answers))
        client.ring();
}

void take_done(Consumer *consumer, const RangesQuestion &question) {
    bool heard = false;
    bool delayed = is_delayed(*consumer, question);
    for (RangeAnswer &answer : question.question->answer.ranges) {
        if (std::find(question.partitions.begin(), question.partitions.end(), answer.range.partition) ==
            question.partitions.end())
            continue; // another broker leads the partition now
        heard = heard || answer.known || answer.wrong;
        if (answer.known || answer.wrong) {
            consumer->questions.answers.push_back(answer);
            continue;
        }
        if (delayed) {
            ask_again(consumer, question.kind, answer.range.partition);
            continue;
        }
        tell_away(consumer, answer.range.partition, question.kind, answer.reason.text);
    }
    if (question.question->answer.answered || !delayed)
        tell_others(consumer, question.leader, question.question->answer.answered);
    if (!heard)
        return;
    consumer->broker_errors.forget(question.leader);
    consumer->questions.took[question.leader] = question.question->answer.took;
}

// Returns how long the client waits for the leader before the leader counts as away. A leader that answers
// slowly gets more time.
std::chrono::milliseconds patience_with(const Consumer &consumer, const RangesQuestion &question) {
    auto delay = consumer.shared->client->fetch_delay * range_requests(question.kind);
    auto took = consumer.questions.took.find(question.leader);
    return delay + (took == consumer.questions.took.end()
                        ? answers_take
                        : std::clamp(2 * took->second, answers_take, answers_take_max));
}

void look_at(Consumer *consumer, RangesQuestion *question) {
    if (question->question->done.load()) {
        if (question->question->out_of_memory)
            for (int32_t partition : question->partitions)
                tell_away(consumer, partition, question->kind, "could not be asked: out of memory");
        else
            take_done(consumer, *question);
        question->question = nullptr;
        return;
    }
    Clock::time_point now = Clock::now();
    bool refused = now > question->asked_at + errors_take + consumer->shared->client->fetch_delay &&
                   consumer->broker_errors.of(question->leader)[0] != '\0';
    bool waits = now < question->asked_at + patience_with(*consumer, *question);
    if (question->told || (waits && !refused))
        return;
    if (is_delayed(*consumer, *question))
        return;
    question->told = true;
    tell_others(consumer, question->leader, false);
    for (int32_t partition : question->partitions)
        tell_away(consumer, partition, question->kind, "does not answer");
}

} // namespace

bool topic_ask_ranges(Consumer *consumer, const int32_t *partitions, size_t count, RangeKind kind,
                      int64_t kafka_time) noexcept {
    consumer->finish_ahead();
    Questions &questions = consumer->questions;
    try {
        std::map<int32_t, std::vector<int32_t>> by_leader;
        for (size_t i = 0; i < count; i++) {
            int32_t leader = topic_leader(consumer, partitions[i]);
            if (leader == no_leader)
                tell_away(consumer, partitions[i], kind, "");
            else if (!is_asked(questions, partitions[i], leader, kind))
                by_leader[leader].push_back(partitions[i]);
        }
        for (auto &[leader, own] : by_leader) {
            questions.ranges.reserve(questions.ranges.size() + 1);
            auto question = question_ask<RangesAnswer>(
                consumer->shared, consumer->wake, [own = own, kind, kafka_time](SharedClient &client) {
                    return leader_offsets_ask(client, own, kind, kafka_time);
                });
            questions.ranges.push_back({leader, kind, std::move(own), Clock::now(), false, question});
        }
    } catch (...) {
        return false;
    }
    return true;
}

bool topic_next_range(Consumer *consumer, RangeAnswer *answer) noexcept {
    consumer->finish_ahead();
    Questions &questions = consumer->questions;
    try {
        for (RangesQuestion &question : questions.ranges)
            look_at(consumer, &question);
    } catch (...) {
        // If no memory is left, the next call returns the answer, or the caller asks again.
    }
    questions.ranges.erase(std::remove_if(questions.ranges.begin(), questions.ranges.end(),
                                          [](const RangesQuestion &one) { return one.question == nullptr; }),
                           questions.ranges.end());
    if (questions.answers.empty())
        return false;
    *answer = questions.answers.front();
    questions.answers.pop_front();
    return true;
}

void topic_take_moves(Consumer *consumer) {
    for (RangesQuestion &question : consumer->questions.ranges) {
        auto moved = [&](int32_t partition) {
            if (topic_leader(consumer, partition) == question.leader)
                return false;
            ask_again(consumer, question.kind, partition);
            return true;
        };
        question.partitions.erase(
            std::remove_if(question.partitions.begin(), question.partitions.end(), moved),
            question.partitions.end());
    }
}

void topic_explain_silent_leader(Consumer *consumer, int32_t partition, int seconds, Error *reason) noexcept {
    consumer->finish_ahead();
    bool throttles = consumer->throttles.is_throttled(topic_leader(consumer, partition), Clock::now());
    char text[128];
    std::snprintf(text, sizeof(text), "%shas not answered within %d seconds",
                  throttles ? "throttles this client by a quota, and " : "", seconds);
    topic_describe_leader(consumer, partition, text, reason);
}

bool topic_others_ask(Consumer *consumer, int32_t partition) noexcept {
    int32_t leader = topic_leader(consumer, partition);
    if (leader == no_leader)
        return false;
    try {
        return !consumer->shared->client->watch.must_ask(&consumer->inbox, leader, Clock::now());
    } catch (...) {
        return false; // out of memory: this consumer itself asks the leader
    }
}

uint64_t topic_watch_news(const Consumer *consumer) noexcept {
    return consumer->shared->client->watch.news();
}

void topic_forget_ranges(Consumer *consumer) noexcept {
    consumer->questions.ranges.clear();
    consumer->questions.answers.clear();
}

} // namespace heartbeat
