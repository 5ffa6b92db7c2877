// What a consumer is made of, for the files that implement consumer.h and topic_query.h.
#pragma once

#include "decode/utf8_text.h"
#include "kafka/broker_errors.h"
#include "kafka/connections.h"
#include "kafka/consumer.h"
#include "kafka/examination.h"
#include "kafka/redaction.h"
#include "kafka/shared_client.h"
#include "kafka/throttle.h"
#include "kafka/topic_answers.h"

#include <chrono>
#include <csignal>
#include <librdkafka/rdkafka.h>
#include <memory>
#include <string>
#include <thread>
#include <unordered_map>
#ifdef __linux__
#include <sys/prctl.h>
#endif

namespace heartbeat {

inline constexpr size_t notes_kept = 32;

struct CallAnswer { // of a call on a thread that brings nothing back
    Problem problem = {};
};

class ConsumerMemory {
  public:
    std::unordered_map<int32_t, RecentMarks> recent; // by partition
};

class Consumer {
  public:
    void note(int level, const char *text) noexcept; // called by librdkafka's C frames
    void note_trouble(const char *format, ...) noexcept __attribute__((format(printf, 2, 3)));
    void settle() noexcept;     // waits for a fill that runs ahead
    void lose_topic() noexcept; // Kafka does not know it
    void listen() noexcept; // while nothing is assigned: runs the callbacks of what is queued, and drops it

    rd_kafka_t *client = nullptr; // shared's
    std::shared_ptr<SharedClient> shared;
    std::shared_ptr<Wake> wake; // rung by librdkafka, and by threads that have an answer
    rd_kafka_queue_t *queue = nullptr;
    std::string topic;
    Questions questions;
    std::shared_ptr<Question<CallAnswer>> assigning; // librdkafka has yet to take the assignment
    bool reassigning = false;                        // all of it: what is queued may be of the one before
    std::chrono::steady_clock::time_point assigning_since;
    std::shared_ptr<Question<CallAnswer>> waking; // see wake_fetcher()
    std::deque<PartitionTrouble> troubles;        // of partitions that are read no more
    std::vector<PartitionPosition> positions;     // where the next batch begins
    std::vector<PartitionPosition> stored;        // of the same partitions: what the database has
    std::vector<int32_t> paused;                  // librdkafka remembers a pause beyond the assignment
    std::thread ahead;                            // nobody else uses the consumer while it runs
    std::vector<Examination> examinations;        // of the positions
    uint64_t taking = 0;                          // counts what is taken from the queue at once
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
    bool mirror_failed = false;
    int commits = 0; // that the group's coordinator has yet to answer
    std::chrono::steady_clock::time_point committing_since;
    bool lost_topic = false;
    Problem lost_reason = {};
    int refresh_ms = 0;
    size_t bytes_taken = 0;          // since the threads that fetch were woken last
    std::vector<int32_t> taken_from; // these partitions
    bool heard = false;              // a message or an end of a partition, since the last assignment
    char trouble[256] = "";          // the last error of the topic or a partition
};

// Signals are the server's business: while this lives, they are blocked, and a thread that is started
// inherits that.
class SignalsBlocked {
  public:
    SignalsBlocked() {
        sigset_t all;
        sigfillset(&all);
        pthread_sigmask(SIG_SETMASK, &all, &before);
    }
    ~SignalsBlocked() { pthread_sigmask(SIG_SETMASK, &before, nullptr); }
    SignalsBlocked(const SignalsBlocked &) = delete;
    SignalsBlocked &operator=(const SignalsBlocked &) = delete;

  private:
    sigset_t before;
};

// librdkafka's main thread sleeps whole milliseconds towards its timers, once a second, and spins for the
// rest. A thread that is started while this lives wakes up as much later, and spins no more. What comes from
// the network or another thread wakes it as soon as ever.
class TimersSlackened {
  public:
    TimersSlackened() noexcept { set(slack_ns); }
    ~TimersSlackened() { set(0); } // as it was when the thread began
    TimersSlackened(const TimersSlackened &) = delete;
    TimersSlackened &operator=(const TimersSlackened &) = delete;

  private:
    static constexpr unsigned long slack_ns = 2000000;
    static void set([[maybe_unused]] unsigned long nanoseconds) noexcept {
#ifdef __linux__
        prctl(PR_SET_TIMERSLACK, nanoseconds);
#endif
    }
};

// Kafka does not know the topic, or the partition.
inline bool is_unknown_topic(int error) {
    return error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC || error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION ||
           error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
}

struct ListDeleter {
    void operator()(rd_kafka_topic_partition_list_t *list) const {
        rd_kafka_topic_partition_list_destroy(list);
    }
};
using ListPointer = std::unique_ptr<rd_kafka_topic_partition_list_t, ListDeleter>;

// A list of the partitions that `partition_at(i)` names, each with the offset that `offset_at(i)` gives.
template <typename PartitionAt, typename OffsetAt>
ListPointer make_list(const SharedClient &client, size_t count, PartitionAt partition_at,
                      OffsetAt offset_at) {
    ListPointer list(rd_kafka_topic_partition_list_new(static_cast<int>(count)));
    for (size_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(list.get(), client.topic.c_str(), partition_at(i))->offset =
            offset_at(i);
    return list;
}

inline bool describe_failure(Problem *problem, const char *what, rd_kafka_resp_err_t error) {
    utf8_print(problem->text, sizeof(problem->text), "%s: %s", what, rd_kafka_err2str(error));
    return false;
}

} // namespace heartbeat
