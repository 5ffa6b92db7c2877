// The answers of the threads that ask Kafka, and the questions that a consumer has under way.
// topic_query.cpp, topic_leader.cpp and topic_ranges.cpp use these types.
#pragma once

#include "kafka/error.h"
#include "kafka/question.h"
#include "kafka/range_answer.h"
#include "kafka/topic_description.h"

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace heartbeat {

struct LeaderOf {
    int32_t leader;
    int32_t replica; // a broker that has a replica of the partition; -1: not known
};

struct TopicAnswer {
    int code = 0; // an rd_kafka_resp_err_t
    bool unreachable = false;
    Error error = {};
    TopicDescription topic = {};
    std::vector<LeaderOf> leaders; // by partition
    std::map<int32_t, std::string> addresses;
};

struct RangesAnswer {
    std::vector<RangeAnswer> ranges;
    std::chrono::milliseconds took{0};
    bool answered = false; // the leader has answered for a partition, perhaps with an error about the topic
};

struct RangesQuestion {
    int32_t leader;
    RangeKind kind;
    std::vector<int32_t> partitions;
    std::chrono::steady_clock::time_point asked_at;
    bool told; // the caller has already got an answer which says that the leader is away
    QuestionPointer<RangesAnswer> question;
};

struct Questions {
    std::vector<QuestionPointer<TopicAnswer>> topic;
    std::vector<LeaderOf> leaders;            // the leaders in the last answer
    std::map<int32_t, std::string> addresses; // by broker; the map also has the brokers of earlier answers
    std::vector<RangesQuestion> ranges;
    // by leader: how long the leader took for its last answer about offsets
    std::map<int32_t, std::chrono::milliseconds> took;
    std::deque<RangeAnswer> answers; // the answers that topic_next_range() returns
};

class Consumer;

// topic_query.cpp calls this function after it has stored the leaders from a new answer of Kafka. The leader
// of a partition can change while a question to the former leader is under way. For such a partition, this
// function adds an answer that tells the caller of topic_next_range() to ask again. May throw std::bad_alloc.
void topic_take_moves(Consumer *consumer);

} // namespace heartbeat
