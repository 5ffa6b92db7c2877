// librdkafka's client for one Kafka cluster, with the properties of one file. Several consumers of a process
// can share the client if they read different topics of this cluster. A callback of librdkafka reports an
// event of the client, not of one consumer. So KafkaClient puts each event into the inboxes of the consumers
// that need the event. The last thread that releases the client destroys the client.
#pragma once

#include "kafka/connections.h"
#include "kafka/kafka_settings.h"
#include "kafka/leader_watch.h"
#include "kafka/owned.h"
#include "kafka/redaction.h"
#include "kafka/wake.h"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace heartbeat {

struct Error;

// An event that a callback of librdkafka has reported.
struct ClientEvent {
    enum class Kind : uint8_t { log, error, throttle, commit, stray };
    Kind kind;
    // For a log line, `code` is the level. For a throttle, `code` is the delay in milliseconds. For all other
    // kinds, `code` is an rd_kafka_resp_err_t.
    int code;
    int32_t broker; // the broker that throttles the client
    std::string text;
};

// The data that the client keeps for one consumer. The client's mutex protects these data.
struct ClientInbox {
    using Clock = std::chrono::steady_clock;

    std::string topic;
    std::vector<ClientEvent> events;
    bool commits = false; // true while the consumer's commit waits for an answer
    Clock::time_point committing_since;
    bool begins = false; // true until each partition of the consumer has delivered a message or its end
    Clock::time_point begins_since;
};

class KafkaClient {
  public:
    KafkaClient();
    ~KafkaClient();
    KafkaClient(const KafkaClient &) = delete;
    KafkaClient &operator=(const KafkaClient &) = delete;

    // Returns false and sets *error if the settings are wrong. librdkafka rings `wake` for each event of the
    // whole client. May throw std::bad_alloc.
    bool open(const KafkaSettings &settings, std::shared_ptr<Wake> wake, Error *error);

    // These members do not change while the client is open.
    ClientPointer handle;
    Redactor redactor; // removes secrets from the texts of librdkafka and of brokers
    Connections connections;
    int refresh_ms = 0;
    // A broker answers the requests of a connection in their order, so an answer can wait behind a fetch. The
    // time limits of a worker's requests allow for a fetch that waits 0.5 s. If fetch.wait.max.ms is larger,
    // fetch_delay is the difference, at most 10 s, and the time limits grow by fetch_delay.
    std::chrono::milliseconds fetch_delay{0};

    // A consumer calls join() before it uses the client, and leave() afterwards. join() may throw
    // std::bad_alloc. leave() returns whether other consumers use the client.
    void join(ClientInbox *inbox);
    bool leave(ClientInbox *inbox) noexcept;
    bool is_used() noexcept;

    // Returns whether a consumer has taken the topic. A topic is taken from the consumer's join() until
    // release(), and not only until leave(), because librdkafka can still read the partitions after leave().
    // While the topic is taken, another consumer of the topic needs another client.
    bool is_taken(const std::string &topic) noexcept;
    void release(const std::string &topic) noexcept;

    // Puts librdkafka's queued events into the inboxes, and moves the events of `inbox` to *events. Any
    // thread may call this function.
    void take(ClientInbox *inbox, std::vector<ClientEvent> *events) noexcept;

    // The following functions are for commits of offsets to the Kafka group. While a commit waits for the
    // coordinator's answer, librdkafka does not begin to read newly assigned partitions of any consumer.
    // other_begins() returns true while another consumer begins to read its partitions. During this time a
    // consumer must not commit. If a partition's leader does not answer, the beginning can take long, so
    // other_begins() ignores a consumer that began more than 2 seconds ago.
    void set_committing(ClientInbox *inbox, bool commits) noexcept;
    bool is_committing(const ClientInbox &inbox) noexcept; // this consumer's commit has no answer yet
    // returns whether a commit of any consumer has waited longer than `time` for an answer
    bool commit_takes(std::chrono::milliseconds time) noexcept;
    void set_beginning(ClientInbox *inbox, bool begins) noexcept;
    bool other_begins(const ClientInbox &inbox) noexcept;

    LeaderWatch watch;                            // chooses the consumer that asks a leader for end offsets
    void ring() const noexcept { wake_->ring(); } // wakes all consumers

    // librdkafka's callbacks call these functions. If librdkafka reports an error in the queue of one
    // consumer, send_error() gives the error to this consumer. If the error comes from the client's queue and
    // is about an unknown topic, the consumer of this topic gets the error. Any other error goes to all
    // consumers.
    void send_error(int code, const char *text) noexcept;
    void send_all(ClientEvent::Kind kind, int code, const char *text, int32_t broker = -1) noexcept;
    void send_first(ClientEvent::Kind kind, int code, const char *text) noexcept;   // to one consumer
    void send_reader(const char *topic, ClientEvent::Kind kind, int code) noexcept; // to the topic's consumer

    // The number of clients in this process that librdkafka has not destroyed yet.
    static int count() noexcept { return count_.load(); }

  private:
    // a thread holds this mutex while it takes an event and puts the event into the inboxes
    std::mutex taking_;
    std::mutex mutex_;
    std::vector<ClientInbox *> inboxes_;
    std::vector<std::string> taken_; // topics
    bool perhaps_commits_ = false;   // false: no inbox has `commits`, so commit_takes() reads no inbox
    QueuePointer events_;
    std::shared_ptr<Wake> wake_;
    static std::atomic<int> count_;
};

// A consumer has a QueueReading while it takes messages from its queue. During this time librdkafka calls the
// callbacks for the errors in this queue, on the same thread.
class QueueReading {
  public:
    explicit QueueReading(ClientInbox *inbox) noexcept { inbox_ = inbox; }
    ~QueueReading() { inbox_ = nullptr; }
    QueueReading(const QueueReading &) = delete;
    QueueReading &operator=(const QueueReading &) = delete;

    // The inbox of the consumer whose queue this thread reads, or nullptr.
    static const ClientInbox *inbox() noexcept { return inbox_; }

  private:
    static inline thread_local const ClientInbox *inbox_ = nullptr;
};

// Returns a client that another consumer of this process has opened with these settings, or opens a new
// client. Never returns a retired client (see kafka_client_retire()), or a client on which the topic is taken
// (see is_taken()). If a setting is wrong, the function returns nullptr, and *error describes the mistake.
// Only the main thread calls this function. May throw std::bad_alloc.
std::shared_ptr<KafkaClient> kafka_client_share(const KafkaSettings &settings, const WakePipe &pipe,
                                                Error *error);

// Retires the client: after this call, kafka_client_share() does not return the client to another consumer.
void kafka_client_retire(const KafkaClient *client) noexcept;

} // namespace heartbeat
