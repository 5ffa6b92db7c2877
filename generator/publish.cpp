// Generator, publish: sends messages through an idempotent producer, and counts every delivery report.
// librdkafka's callbacks are at the end of the file.
#include "publish.h"

#include "topic.h"

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <future>
#include <memory>
#include <syslog.h>
#include <thread>
#include <utility>

namespace heartbeat::generator {

namespace {

constexpr int flush_ms = 300;                         // time limit for taking queued delivery reports
constexpr std::chrono::milliseconds close_takes{500}; // enough time to close a client if no thread hangs

std::atomic<bool> threads_left{false};

// Returns true if an error concerns only one message. If false, the next message would fail too.
bool is_message_error(rd_kafka_resp_err_t error) {
    switch (error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return true;
    default:
        return false;
    }
}

const char *hint_for(rd_kafka_resp_err_t error) {
    if (error == RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP)
        return " (the event time is further from the broker's clock than the topic's "
               "message.timestamp.after.max.ms or message.timestamp.before.max.ms allows: see --start-time)";
    return "";
}

} // namespace

Publisher::Publisher(PublishSettings settings, Console *console)
    : settings_(std::move(settings)), console_(console) {
    ProducerConf conf = producer_config_make(settings_.brokers, settings_.properties);
    rd_kafka_conf_set_opaque(conf.get(), this);
    rd_kafka_conf_set_dr_msg_cb(conf.get(), on_delivery);
    rd_kafka_conf_set_error_cb(conf.get(), on_error);
    rd_kafka_conf_set_log_cb(conf.get(), on_log);
    timeout_ms_ = std::atoi(producer_config_get(conf.get(), "message.timeout.ms").c_str());
    log_all_ = !producer_config_get(conf.get(), "debug").empty();

    char reason[512];
    rk_ = rd_kafka_new(RD_KAFKA_PRODUCER, conf.get(), reason, sizeof(reason));
    if (rk_ == nullptr)
        throw ProducerConfigError(reason);
    (void)conf.release(); // rk_ owns the configuration now
    rd_kafka_set_log_queue(rk_, nullptr);
}

Publisher::~Publisher() {
    if (topic_ != nullptr)
        rd_kafka_topic_destroy(topic_);
    // rd_kafka_destroy() waits for all threads of the client, and one of these threads can wait long for a
    // name server. So a separate thread calls rd_kafka_destroy(), and the destructor waits only a short time
    // for it.
    auto destroyed = std::make_shared<std::promise<void>>();
    std::future<void> done = destroyed->get_future();
    std::thread([rk = rk_, destroyed] {
        rd_kafka_destroy(rk);
        destroyed->set_value();
    }).detach();
    threads_left = done.wait_for(close_takes) != std::future_status::ready;
}

bool publisher_left_threads() {
    return threads_left;
}

bool Publisher::open() {
    const bool exists =
        settings_.create_partitions == 0 ||
        topic_ensure(rk_, settings_.topic, settings_.create_partitions, timeout_ms_, console_);
    // Make the handle only after topic_ensure(). The handle requests metadata of its topic, and some brokers
    // then create the topic with their own defaults.
    topic_ = rd_kafka_topic_new(rk_, settings_.topic.c_str(), nullptr);
    if (topic_ == nullptr)
        console_->error("--topic " + settings_.topic + ": " + rd_kafka_err2str(rd_kafka_last_error()));
    return exists && topic_ != nullptr && !broken_;
}

rd_kafka_vu_t &Publisher::add_value(rd_kafka_vtype_t type) {
    rd_kafka_vu_t &value = values_.emplace_back();
    value.vtype = type;
    return value;
}

SendResult Publisher::send(const Message &message) {
    if (broken_)
        return SendResult::broken;

    values_.clear();
    add_value(RD_KAFKA_VTYPE_RKT).u.rkt = topic_;
    add_value(RD_KAFKA_VTYPE_PARTITION).u.i32 = RD_KAFKA_PARTITION_UA;
    add_value(RD_KAFKA_VTYPE_MSGFLAGS).u.i = RD_KAFKA_MSG_F_COPY;
    // The pointer must not be null, even if the payload is empty: a null pointer would make the message a
    // tombstone. --replay makes an empty payload from an empty line.
    add_value(RD_KAFKA_VTYPE_VALUE).u.mem = {
        const_cast<char *>(message.payload.empty() ? "" : message.payload.data()), message.payload.size()};
    add_value(RD_KAFKA_VTYPE_TIMESTAMP).u.i64 = message.timestamp_ms;
    if (message.has_key)
        add_value(RD_KAFKA_VTYPE_KEY).u.mem = {const_cast<char *>(message.key.data()), message.key.size()};
    for (const Header &header : message.headers)
        add_value(RD_KAFKA_VTYPE_HEADER).u.header = {header.name.c_str(), header.value.data(),
                                                     static_cast<ssize_t>(header.value.size())};

    const std::unique_ptr<rd_kafka_error_t, decltype(&rd_kafka_error_destroy)> error(
        rd_kafka_produceva(rk_, values_.data(), values_.size()), rd_kafka_error_destroy);
    if (error && rd_kafka_error_code(error.get()) == RD_KAFKA_RESP_ERR__QUEUE_FULL)
        return SendResult::full;
    counts_.sent++;
    if (error)
        note_failed(rd_kafka_error_code(error.get()), rd_kafka_error_string(error.get()));
    return SendResult::sent;
}

void Publisher::serve(int timeout_ms) {
    rd_kafka_poll(rk_, timeout_ms);
}

void Publisher::abandon() {
    // without the flag NON_BLOCKING, rd_kafka_purge() would wait for each thread of librdkafka
    constexpr int flags = RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING;
    const rd_kafka_resp_err_t error = rd_kafka_purge(rk_, flags);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR)
        console_->error(std::string("cannot abandon the messages in flight: ") + rd_kafka_err2str(error));
    rd_kafka_flush(rk_, flush_ms); // receives the reports of the purged messages
}

void Publisher::note_delivered() {
    counts_.acknowledged++;
    if (outage_said_.empty())
        return;
    outage_said_.clear();
    console_->info("Kafka accepts messages again");
}

void Publisher::note_failed(rd_kafka_resp_err_t error, const char *reason) {
    counts_.failed++;
    if (error == RD_KAFKA_RESP_ERR__PURGE_QUEUE || error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    if (failures_said_.insert(error).second)
        console_->error(std::string("not delivered: ") + reason + hint_for(error));
    if (!is_message_error(error))
        broken_ = true;
}

void Publisher::on_delivery(rd_kafka_t * /*rk*/, const rd_kafka_message_t *message, void *self) {
    auto *publisher = static_cast<Publisher *>(self);
    if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR)
        publisher->note_delivered();
    else
        publisher->note_failed(message->err, rd_kafka_err2str(message->err));
}

void Publisher::on_error(rd_kafka_t *rk, int error, const char *reason, void *self) {
    auto *publisher = static_cast<Publisher *>(self);
    char fatal_reason[512];
    if (error == RD_KAFKA_RESP_ERR__FATAL) {
        const rd_kafka_resp_err_t fatal = rd_kafka_fatal_error(rk, fatal_reason, sizeof(fatal_reason));
        publisher->console_->error(std::string(rd_kafka_err2name(fatal)) + ": " + fatal_reason);
        publisher->broken_ = true;
        return;
    }
    // Do not print ALL_BROKERS_DOWN if the publisher has already printed an error of this outage.
    const bool repeats = error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && !publisher->outage_said_.empty();
    if (publisher->outage_said_.insert(error).second && !repeats)
        publisher->console_->error(std::string("Kafka: ") + reason);
}

void Publisher::on_log(const rd_kafka_t *rk, int level, const char *facility, const char *text) {
    const auto *publisher = static_cast<const Publisher *>(rd_kafka_opaque(rk));
    // Without debug output, do not print FAIL and ERROR, because on_error() prints these errors. Also do not
    // print GETPID, because librdkafka repeats the failed request.
    const bool repeats = std::strcmp(facility, "FAIL") == 0 || std::strcmp(facility, "ERROR") == 0 ||
                         std::strcmp(facility, "GETPID") == 0;
    if (publisher->log_all_ || (level <= LOG_WARNING && !repeats))
        publisher->console_->error(std::string("librdkafka ") + facility + ": " + text);
}

} // namespace heartbeat::generator
