// What the threads that ask Kafka bring back, and the questions that a consumer has under way. The files of
// topic_query, topic_leader and topic_ranges use them.
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
    int32_t replica; // one of those that have the partition, for where nobody leads it; -1: none is known
};

struct TopicAnswer {
    int error = 0; // an rd_kafka_resp_err_t
    bool unreachable = false;
    Error problem = {};
    TopicDescription topic = {};
    std::vector<LeaderOf> leaders; // by partition
    std::map<int32_t, std::string> addresses;
};

struct RangesAnswer {
    std::vector<RangeAnswer> ranges;
    std::chrono::milliseconds took{0};
};

struct RangesQuestion {
    int32_t leader;
    RangeKind kind;
    std::vector<int32_t> partitions;
    std::chrono::steady_clock::time_point asked_at;
    bool told; // that the leader is away, while the answer is still to come
    QuestionPointer<RangesAnswer> question;
};

struct Questions {
    std::vector<QuestionPointer<TopicAnswer>> topic;
    std::vector<LeaderOf> leaders;            // as the last answer had them
    std::map<int32_t, std::string> addresses; // also of brokers that the last answer did not name
    std::vector<RangesQuestion> ranges;
    std::map<int32_t, std::chrono::milliseconds> took; // by leader: its last answer about offsets
    std::deque<RangeAnswer> answers;                   // to be taken
};

} // namespace heartbeat
