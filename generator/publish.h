// Generator, publish: sends messages through an idempotent producer, and counts every delivery report.
// If a run publishes to Kafka, run.cpp uses this code as its sink.
#pragma once

#include "console.h"
#include "message.h"
#include "producer_config.h"

#include <librdkafka/rdkafka.h>

#include <memory>
#include <set>
#include <string>
#include <vector>

namespace heartbeat::generator {

struct PublishSettings {
    std::string brokers;
    std::string topic;
    std::vector<std::string> properties; // key=value; these properties override the generator's own choices
    int create_partitions;               // 0: do not create the topic
};

// Only one thread uses a Publisher. librdkafka's callbacks run inside send(), serve(), open() and abandon().
class Publisher : public Sink {
  public:
    // Throws ProducerConfigError.
    Publisher(PublishSettings settings, Console *console);
    ~Publisher() override;
    Publisher(const Publisher &) = delete;
    Publisher &operator=(const Publisher &) = delete;

    bool open() override;
    SendResult send(const Message &message) override;
    void serve(int timeout_ms) override;
    void abandon() override;
    bool broken() const override { return broken_; }
    const Counts &counts() const override { return counts_; }

  private:
    static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *self);
    static void on_error(rd_kafka_t *rk, int error, const char *reason, void *self);
    static void on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text);

    rd_kafka_vu_t &add_value(rd_kafka_vtype_t type);
    void note_delivered();
    void note_failed(rd_kafka_resp_err_t error, const char *reason);

    PublishSettings settings_;
    Console *console_;
    int timeout_ms_; // how long librdkafka tries to deliver a message
    bool log_all_;   // true: the caller wants librdkafka's debug output
    Counts counts_;
    bool broken_ = false;
    // The errors of the client that the publisher has printed since the last delivery. The publisher does not
    // print one of these errors again.
    std::set<int> outage_said_;
    // The kinds of delivery errors that the publisher has already printed. The publisher prints the first
    // error of each kind, and counts all errors.
    std::set<int> failures_said_;
    rd_kafka_t *rk_ = nullptr;
    rd_kafka_topic_t *topic_ = nullptr;
    std::vector<rd_kafka_vu_t> values_; // send() passes these arguments to librdkafka
};

// Returns true if threads of librdkafka still run, although the Publisher has been destroyed. Then main()
// ends the process by _exit(), because one of these threads could crash during exit().
bool publisher_left_threads();

} // namespace heartbeat::generator
