// Asks the leaders of partitions for offsets with rd_kafka_offsets_for_times(), which obeys its timeout in
// every version. It does not use rd_kafka_query_watermark_offsets(), for three reasons. Before librdkafka
// 2.12 this call ignores its timeout. The call asks for one partition after the other. If a broker gives an
// end offset before the first offset, the call returns a guess.
#include "kafka/topic_ranges.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/partition_list.h"
#include "kafka/question.h"
#include "kafka/topic_leader.h"

#include <algorithm>
#include <chrono>
#include <map>
#include <vector>

namespace heartbeat {

namespace {

constexpr int leader_timeout_ms = 8000;
constexpr std::chrono::milliseconds answers_take{1500}; // after this time the leader counts as away
// A leader whose last answer took long gets up to this time.
constexpr std::chrono::milliseconds answers_take_max{4000};
// A leader for which librdkafka reports an error gets this time. The error can belong to an earlier
// connection, and the answer is perhaps only waiting behind a fetch.
constexpr std::chrono::milliseconds errors_take{1000};

using Clock = std::chrono::steady_clock;

void refuse(RangeAnswer *answer, rd_kafka_resp_err_t error) {
    answer->known = false;
    bool answered = error > RD_KAFKA_RESP_ERR_NO_ERROR; // negative codes are librdkafka's own errors
    utf8_print(answer->reason.text, sizeof(answer->reason.text), "%s: %s",
               answered ? "answers with an error" : "does not answer", rd_kafka_err2str(error));
}

// Asks for one more offset of each partition that has a known answer, and adds the offset to that answer.
void ask(SharedClient &client, int64_t time, int timeout_ms, RangesAnswer *answer,
         void (*put)(RangeAnswer *, int64_t)) {
    std::vector<RangeAnswer *> known;
    for (RangeAnswer &range : answer->ranges)
        if (range.known)
            known.push_back(&range);
    if (known.empty())
        return;
    ListPointer list = partition_list_make(
        client, known.size(), [&](size_t i) { return known[i]->range.partition; },
        [=](size_t) { return time; });
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(client.handle.get(), list.get(), timeout_ms);
    for (size_t i = 0; i < known.size(); i++) {
        rd_kafka_resp_err_t own = error == RD_KAFKA_RESP_ERR_NO_ERROR ? list->elems[i].err : error;
        if (own == RD_KAFKA_RESP_ERR_NO_ERROR)
            put(known[i], list->elems[i].offset);
        else
            refuse(known[i], own);
    }
}

void put_low(RangeAnswer *answer, int64_t offset) {
    answer->range.low = offset;
}

void put_high(RangeAnswer *answer, int64_t offset) {
    answer->range.high = offset;
    if (answer->kind == RangeKind::end)
        answer->range.low = 0;
    if (answer->kind == RangeKind::time) // the partition has no message at or after that time
        answer->range.high = answer->range.low = answer->range.low < 0 ? offset : answer->range.low;
    const PartitionRange &range = answer->range;
    answer->known = range.low >= 0 && range.low <= range.high && range.high <= offset_max;
    answer->wrong = !answer->known;
    if (answer->wrong)
        utf8_print(answer->reason.text, sizeof(answer->reason.text),
                   "the broker says that it holds offsets %lld to %lld, which is not possible",
                   static_cast<long long>(range.low), static_cast<long long>(range.high));
}

RangesAnswer ask_leader(SharedClient &client, const std::vector<int32_t> &partitions, RangeKind kind,
                        int64_t time) {
    RangesAnswer answer;
    for (int32_t partition : partitions)
        answer.ranges.push_back({kind, true, false, false, {partition, -1, -1}, {}});
    auto began_at = Clock::now();
    if (kind != RangeKind::end)
        ask(client, kind == RangeKind::time ? time : RD_KAFKA_OFFSET_BEGINNING, leader_timeout_ms, &answer,
            put_low);
    auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_at).count();
    int left_ms = std::max(leader_timeout_ms - static_cast<int>(took), 1);
    ask(client, RD_KAFKA_OFFSET_END, left_ms, &answer, put_high);
    answer.took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - began_at);
    return answer;
}

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

// Adds an answer which says that the partition is away. The reason in the answer is the broker's last error,
// because this error says more than the error of the call.
void tell_away(Consumer *consumer, int32_t partition, RangeKind kind, const char *fallback) {
    RangeAnswer answer = {kind, false, false, false, {partition, -1, -1}, {}};
    topic_describe_leader(consumer, partition, fallback, &answer.reason);
    consumer->questions.answers.push_back(answer);
}

// Returns whether the broker throttles this client. The answer of such a broker can come after the timeout of
// the question.
bool is_delayed(const Consumer &consumer, const RangesQuestion &question) {
    return consumer.throttles.is_throttled(question.leader, Clock::now());
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
    if (!heard)
        return;
    consumer->broker_errors.forget(question.leader);
    consumer->questions.took[question.leader] = question.question->answer.took;
}

// Returns how long the client waits for the leader before the leader counts as away. A leader that answers
// slowly gets more time.
std::chrono::milliseconds patience_with(const Questions &questions, int32_t leader) {
    auto took = questions.took.find(leader);
    return took == questions.took.end() ? answers_take
                                        : std::clamp(2 * took->second, answers_take, answers_take_max);
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
    bool refused =
        now > question->asked_at + errors_take && consumer->broker_errors.of(question->leader)[0] != '\0';
    bool waits = now < question->asked_at + patience_with(consumer->questions, question->leader);
    if (question->told || (waits && !refused))
        return;
    if (is_delayed(*consumer, *question))
        return;
    question->told = true;
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
            auto question = question_ask<RangesAnswer>(consumer->shared, consumer->wake,
                                                       [own = own, kind, kafka_time](SharedClient &client) {
                                                           return ask_leader(client, own, kind, kafka_time);
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
        // no memory is left: the next call returns the answer, or the caller asks again
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

void topic_forget_ranges(Consumer *consumer) noexcept {
    consumer->questions.ranges.clear();
    consumer->questions.answers.clear();
}

} // namespace heartbeat
