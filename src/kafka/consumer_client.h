// The fields of a consumer. This header is only for the files of this folder that implement the consumer's
// functions. The callers of consumer.h see an incomplete type.
#pragma once

#include "decode/message_view.h"
#include "kafka/broker_errors.h"
#include "kafka/consumer_memory.h"
#include "kafka/examination_state.h"
#include "kafka/owned.h"
#include "kafka/partition_position.h"
#include "kafka/question.h"
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
    void note(int level, const char *text) noexcept;
    void note_trouble(const char *format, ...) noexcept __attribute__((format(printf, 2, 3)));
    void finish_ahead() noexcept; // waits until the thread of consumer_fill_ahead() has ended
    // Takes messages from the consumer's queue without waiting.
    ssize_t take_messages(rd_kafka_message_t **messages, size_t most) noexcept;
    void lose_topic() noexcept; // call this function when Kafka does not know the topic
    void set_beginning(bool begins) noexcept;
    // Handles the events that librdkafka has reported to the client.
    void take_events() noexcept;
    // Handles the events. If no partition is assigned, the function also drops the queued messages.
    void listen() noexcept;

    // These fields do not change while the client is open, so each thread may use them.
    rd_kafka_t *client = nullptr; // the client of `shared`
    std::shared_ptr<SharedClient> shared;
    ClientInbox inbox;                 // the mutex of the KafkaClient protects the inbox
    std::shared_ptr<Wake> wake;        // librdkafka and the questions' threads write to the pipe of `wake`
    rd_kafka_queue_t *queue = nullptr; // the queue of `shared`, which gets the messages of the topic
    std::string topic;
    int refresh_ms = 0;

    // Only the caller's thread uses these fields. The caller's thread may use these fields even while the
    // thread of consumer_fill_ahead() runs.
    Questions questions;
    QuestionPointer<CallAnswer> assigning; // nullptr: no assignment is under way
    std::chrono::steady_clock::time_point assigning_since;
    std::vector<PartitionPosition> stored; // where the stored messages of each partition end

    // The caller may use the following fields only after finish_ahead().
    std::thread ahead;
    // True from consumer_assign() until librdkafka has taken the assignment. Until then, messages in the
    // queue may belong to the previous assignment.
    bool reassigning = false;
    QuestionPointer<CallAnswer> waking;       // see fetcher_wake()
    std::deque<PartitionTrouble> troubles;    // the errors of partitions that the client has stopped reading
    std::vector<PartitionPosition> positions; // where the next batch begins
    std::vector<int32_t> paused;              // paused partitions, which consumer_assign() must resume
    std::vector<Examination> examinations;    // one Examination for each element of `positions`
    uint64_t taking = 0;                      // counts the calls that take messages from the queue
    int64_t connections_seen = 0;             // Connections::now() at the last examination_look()
    std::vector<TopicLoss> losses;            // partitions whose log was replaced by another log
    // at this time the client reports `losses`, even if examinations are still under way
    std::chrono::steady_clock::time_point losses_due;
    bool losses_reported = false;     // consumer_fill() has returned FillResult::trouble because of `losses`
    std::vector<EpochEnd> epoch_ends; // librdkafka's reports about the ends of leader epochs
    ConsumerMemory own_memory;
    ConsumerMemory *memory = &own_memory;
    FillResult ahead_result = FillResult::drained;
    ConsumerNote notes[notes_kept]; // a ring
    size_t first_note = 0;
    size_t note_count = 0;
    // If true, the caller must assign the partitions again. There are two possible causes. First, a message
    // of the topic arrived in the client's own queue instead of `queue`. Second, librdkafka reported an
    // unknown topic before the first message of the assignment.
    bool assign_again = false;
    bool beginning = false; // an assigned partition has delivered neither a message nor its end yet
    // Since the last assignment, the client has lost its connections to all brokers. After a new connection,
    // another cluster may answer.
    bool lost_brokers = false;
    BrokerErrors broker_errors;
    Throttles throttles;
    bool impossible_end = false; // a broker gave an impossible high watermark; `trouble` has the error
    bool group_commit_failed = false;
    bool lost_topic = false;
    Error lost_reason = {};
    std::vector<MessageHeader> headers; // the headers of the message that is being decoded
    size_t bytes_taken = 0; // bytes taken from the queue since fetcher_wake() last woke librdkafka's threads
    std::vector<int32_t> taken_from; // the partitions that delivered `bytes_taken`
    // the client has got a message or the end of a partition since the last assignment
    bool heard = false;
    char trouble[256] = ""; // the last error of the topic or of a partition
};

// Returns the position of this partition, or nullptr if the client does not read this partition.
PartitionPosition *find_position(std::vector<PartitionPosition> *positions, int32_t partition);

} // namespace heartbeat
