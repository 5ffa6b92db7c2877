// librdkafka's client of one Kafka cluster and one properties file. The consumers of a process that read
// topics of this cluster share it. librdkafka's callbacks are about the whole client, so the client gives
// each event to the inboxes of its consumers. The last thread that releases the client destroys it.
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

// What a callback of librdkafka has reported.
struct ClientEvent {
    enum class Kind : uint8_t { log, error, throttle, commit, stray };
    Kind kind;
    int code; // of a log line the level, of a throttle the milliseconds, otherwise an rd_kafka_resp_err_t
    int32_t broker; // of a throttle
    std::string text;
};

// What the client keeps for one consumer. The client's mutex protects it.
struct ClientInbox {
    using Clock = std::chrono::steady_clock;

    std::string topic;
    std::vector<ClientEvent> events;
    bool commits = false; // the group coordinator has not answered its commit yet
    Clock::time_point committing_since;
    bool begins = false; // librdkafka has not begun to read all of its partitions yet
    Clock::time_point begins_since;
};

class KafkaClient {
  public:
    KafkaClient();
    ~KafkaClient();
    KafkaClient(const KafkaClient &) = delete;
    KafkaClient &operator=(const KafkaClient &) = delete;

    // Returns false, with *error, if the settings are wrong. `wake` gets a ring for each event of the whole
    // client. May throw std::bad_alloc.
    bool open(const KafkaSettings &settings, std::shared_ptr<Wake> wake, Error *error);

    // These do not change while the client is open.
    ClientPointer handle;
    Redactor redactor; // for texts of librdkafka and of brokers
    Connections connections;
    int refresh_ms = 0;

    // A consumer begins and ends to use the client. join() may throw std::bad_alloc. leave() returns whether
    // other consumers use the client.
    void join(ClientInbox *inbox);
    bool leave(ClientInbox *inbox) noexcept;
    bool is_used() noexcept;

    // The topic of a consumer that has joined is taken until release(): librdkafka reads its partitions until
    // then, also after leave(). Another consumer of the topic needs another client.
    bool is_taken(const std::string &topic) noexcept;
    void release(const std::string &topic) noexcept;

    // Takes librdkafka's queued events, and moves those of the inbox to *events. Each thread may call it.
    void take(ClientInbox *inbox, std::vector<ClientEvent> *events) noexcept;

    // A consumer commits offsets to the Kafka group. Until the coordinator answers, librdkafka does not begin
    // to read newly assigned partitions, also those of other consumers. So a consumer commits nothing while
    // another consumer begins to read. It waits for a limited time, because a leader can be away for long.
    void set_committing(ClientInbox *inbox, bool commits) noexcept;
    bool is_committing(const ClientInbox &inbox) noexcept;      // this consumer
    bool commit_takes(std::chrono::milliseconds time) noexcept; // a consumer has waited for longer than that
    void set_beginning(ClientInbox *inbox, bool begins) noexcept;
    bool other_begins(const ClientInbox &inbox) noexcept;

    LeaderWatch watch;                            // which consumer asks which leader
    void ring() const noexcept { wake_->ring(); } // for all consumers

    // librdkafka's callbacks call these.
    void send_all(ClientEvent::Kind kind, int code, const char *text, int32_t broker = -1) noexcept;
    void send_first(ClientEvent::Kind kind, int code, const char *text) noexcept;   // to one consumer
    void send_reader(const char *topic, ClientEvent::Kind kind, int code) noexcept; // to the topic's consumer

    // The number of clients in this process that librdkafka has not destroyed yet.
    static int count() noexcept { return count_.load(); }

  private:
    std::mutex taking_; // a thread holds it from taking an event to giving it to the inboxes
    std::mutex mutex_;
    std::vector<ClientInbox *> inboxes_;
    std::vector<std::string> taken_; // topics
    QueuePointer events_;
    std::shared_ptr<Wake> wake_;
    static std::atomic<int> count_;
};

// Returns the client with these settings that another consumer of this process has opened, unless it is
// retired or the topic is taken. Otherwise it opens a client. nullptr: a setting is wrong, and *error says
// which. Only the main thread calls it. May throw std::bad_alloc.
std::shared_ptr<KafkaClient> kafka_client_share(const KafkaSettings &settings, const WakePipe &pipe,
                                                Error *error);

// From now on no other consumer begins to use this client.
void kafka_client_retire(const KafkaClient *client) noexcept;

} // namespace heartbeat
