// What a consumer is made of, for the files of this folder that implement its calls. Callers of consumer.h
// see an incomplete type.
#pragma once

#include "kafka/broker_errors.h"
#include "kafka/connections.h"
#include "kafka/consumer_memory.h"
#include "kafka/examination_state.h"
#include "kafka/partition_position.h"
#include "kafka/question.h"
#include "kafka/redaction.h"
#include "kafka/report.h"
#include "kafka/shared_client.h"
#include "kafka/throttle.h"
#include "kafka/topic_answers.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

namespace heartbeat {

inline constexpr size_t notes_kept = 32;

class Consumer {
  public:
    void note(int level, const char *text) noexcept; // called by librdkafka's C frames
    void note_trouble(const char *format, ...) noexcept __attribute__((format(printf, 2, 3)));
    void finish_ahead() noexcept; // waits for a fill that runs ahead
    void lose_topic() noexcept;   // Kafka does not know it
    void listen() noexcept; // while nothing is assigned: runs the callbacks of what is queued, and drops it

    rd_kafka_t *client = nullptr; // shared's
    std::shared_ptr<SharedClient> shared;
    std::shared_ptr<Wake> wake; // rung by librdkafka, and by threads that have an answer
    rd_kafka_queue_t *queue = nullptr;
    std::string topic;
    Questions questions;
    QuestionPointer<CallAnswer> assigning; // librdkafka has yet to take the assignment
    bool reassigning = false;              // all of it: what is queued may be of the one before
    std::chrono::steady_clock::time_point assigning_since;
    QuestionPointer<CallAnswer> waking;       // see fetcher_wake()
    std::deque<PartitionTrouble> troubles;    // of partitions that are read no more
    std::vector<PartitionPosition> positions; // where the next batch begins
    std::vector<PartitionPosition> stored;    // of the same partitions: what the database has
    std::vector<int32_t> paused;              // librdkafka remembers a pause beyond the assignment
    std::thread ahead;                        // nobody else uses the consumer while it runs
    std::vector<Examination> examinations;    // of the positions
    uint64_t taking = 0;                      // counts what is taken from the queue at once
    Connections connections;
    int64_t connections_seen = 0;  // Connections::now() when partitions were looked through last
    std::vector<TopicLoss> losses; // partitions whose log is another one
    std::chrono::steady_clock::time_point losses_due; // when they are told, whatever is being examined
    std::vector<EpochEnd> epoch_ends;                 // that librdkafka has heard of
    ConsumerMemory own_memory;
    ConsumerMemory *memory = &own_memory;
    FillResult ahead_result = FillResult::drained;
    ConsumerNote notes[notes_kept]; // a ring
    size_t first_note = 0;
    size_t note_count = 0;
    bool lost_brokers = false; // since the last assignment: who answers now may be another cluster
    BrokerErrors broker_errors;
    Throttles throttles;
    Redactor redactor;           // for what librdkafka and the brokers say
    bool impossible_end = false; // a partition ends, as the broker has it, where it cannot: see trouble
    bool group_commit_failed = false;
    int commits = 0; // that the group's coordinator has yet to answer
    std::chrono::steady_clock::time_point committing_since;
    bool lost_topic = false;
    Error lost_reason = {};
    int refresh_ms = 0;
    size_t bytes_taken = 0;          // since the threads that fetch were woken last
    std::vector<int32_t> taken_from; // these partitions
    bool heard = false;              // a message or an end of a partition, since the last assignment
    char trouble[256] = "";          // the last error of the topic or a partition
};

} // namespace heartbeat
