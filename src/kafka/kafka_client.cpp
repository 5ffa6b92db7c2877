// Opens librdkafka's client, and puts the client's events into the inboxes of the consumers. librdkafka runs
// the callbacks of this file on the thread that polls a queue, and never on its own threads.
#include "kafka/kafka_client.h"

#include "decode/utf8_text.h"
#include "kafka/failure.h"
#include "kafka/kafka_config.h"
#include "kafka/thread_guards.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <utility>

namespace heartbeat {

std::atomic<int> KafkaClient::count_{0};

namespace {

constexpr int refresh_ms_default = 60000;
constexpr int usual_wait_ms = 500, delay_ms_max = 10000; // see KafkaClient::fetch_delay
constexpr size_t events_kept = 128; // the limit for one consumer; a new event replaces the oldest event
constexpr std::chrono::seconds begins_within{2};

void log_callback(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    char line[print_size_max];
    snprintf(line, sizeof(line), "%s: %s", facility, text);
    static_cast<KafkaClient *>(rd_kafka_opaque(client))->send_first(ClientEvent::Kind::log, level, line);
}

void error_callback(rd_kafka_t * /*client*/, int error, const char *reason, void *opaque) {
    static_cast<KafkaClient *>(opaque)->send_error(error, reason);
}

void throttle_callback(rd_kafka_t * /*client*/, const char *name, int32_t broker, int milliseconds,
                       void *opaque) {
    static_cast<KafkaClient *>(opaque)->send_all(ClientEvent::Kind::throttle, milliseconds, name, broker);
}

void commit_callback(rd_kafka_t * /*client*/, rd_kafka_resp_err_t error,
                     rd_kafka_topic_partition_list_t *offsets, void *opaque) {
    auto *client = static_cast<KafkaClient *>(opaque);
    if (offsets == nullptr || offsets->cnt == 0)
        client->send_all(ClientEvent::Kind::commit, error, "");
    else
        client->send_reader(offsets->elems[0].topic, ClientEvent::Kind::commit, error);
}

int property_of(rd_kafka_t *client, const char *name) {
    char value[32];
    size_t size = sizeof(value);
    return rd_kafka_conf_get(rd_kafka_conf(client), name, value, &size) == RD_KAFKA_CONF_OK ? atoi(value) : 0;
}

void put(ClientInbox *inbox, ClientEvent::Kind kind, int code, const char *text, int32_t broker) noexcept {
    if (kind == ClientEvent::Kind::commit)
        inbox->commits = false;
    try {
        if (inbox->events.size() >= events_kept)
            inbox->events.erase(inbox->events.begin());
        inbox->events.push_back({kind, code, broker, text});
    } catch (...) {
        // out of memory: this event is lost, but librdkafka reports most events again
    }
}

// librdkafka's text about an error of a Kafka partition begins with: TOPIC [PARTITION]
bool names_topic(std::string_view text, const std::string &topic) {
    return text.substr(0, topic.size()) == topic && text.substr(topic.size(), 2) == " [";
}

} // namespace

KafkaClient::KafkaClient() {
    count_.fetch_add(1);
}

KafkaClient::~KafkaClient() {
    if (events_ != nullptr) {
        rd_kafka_queue_io_event_enable(events_.get(), -1, nullptr, 0);
        events_.reset(); // destroy the queue before its client
    }
    handle.reset(); // this call can take long, or never return
    count_.fetch_sub(1);
}

bool KafkaClient::open(const KafkaSettings &settings, std::shared_ptr<Wake> wake, Error *error) {
    ConfigPointer config = kafka_config_create(settings, error, &redactor);
    if (config == nullptr)
        return false;
    wake_ = std::move(wake);
    rd_kafka_conf_set_opaque(config.get(), this);
    rd_kafka_conf_set_log_cb(config.get(), log_callback);
    rd_kafka_conf_set_error_cb(config.get(), error_callback);
    rd_kafka_conf_set_throttle_cb(config.get(), throttle_callback);
    rd_kafka_conf_set_offset_commit_cb(config.get(), commit_callback);
    if (!connections.watch(config.get(), wake_->target())) {
        utf8_copy(error->text, sizeof(error->text), "librdkafka does not report its connections");
        return false;
    }
    TimersSlackened slackened;
    char error_text[print_size_max]; // large, because the redactor can miss a value that was cut
    // If rd_kafka_new() makes a client, the client owns the configuration. If rd_kafka_new() fails, do not
    // destroy the configuration: librdkafka has already freed the configuration's interceptors, and would
    // free them a second time. Some kilobytes then stay allocated until the process ends.
    handle.reset(rd_kafka_new(RD_KAFKA_CONSUMER, config.release(), error_text, sizeof(error_text)));
    if (handle == nullptr) {
        redactor.show(error->text, sizeof(error->text), error_text);
        return false;
    }
    // with -1, librdkafka itself never asks about the topic, and heartbeat asks at the default interval
    refresh_ms = property_of(handle.get(), "topic.metadata.refresh.interval.ms");
    refresh_ms = refresh_ms > 0 ? refresh_ms : refresh_ms_default;
    int delay_ms = property_of(handle.get(), "fetch.wait.max.ms") - usual_wait_ms;
    fetch_delay =
        std::chrono::milliseconds(settings.fetch_wait_ms > 0 ? std::clamp(delay_ms, 0, delay_ms_max) : 0);
    // use one queue for errors and log lines, so that one descriptor signals all events
    rd_kafka_poll_set_consumer(handle.get());
    events_.reset(rd_kafka_queue_get_consumer(handle.get()));
    rd_kafka_resp_err_t code = rd_kafka_set_log_queue(handle.get(), events_.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_describe(error, "cannot redirect librdkafka's log", code);
    rd_kafka_queue_io_event_enable(events_.get(), wake_->pipe().ring_end(), &wake_->number(),
                                   sizeof(uint32_t));
    return true;
}

void KafkaClient::join(ClientInbox *inbox) {
    std::lock_guard lock(mutex_);
    inboxes_.reserve(inboxes_.size() + 1);
    taken_.push_back(inbox->topic);
    inboxes_.push_back(inbox);
}

bool KafkaClient::leave(ClientInbox *inbox) noexcept {
    if (watch.leave(inbox))
        ring(); // ring() makes another consumer ask the leaders that this consumer has asked
    std::lock_guard lock(mutex_);
    inboxes_.erase(std::remove(inboxes_.begin(), inboxes_.end(), inbox), inboxes_.end());
    return !inboxes_.empty();
}

bool KafkaClient::is_used() noexcept {
    std::lock_guard lock(mutex_);
    return !inboxes_.empty();
}

bool KafkaClient::is_taken(const std::string &topic) noexcept {
    std::lock_guard lock(mutex_);
    return std::find(taken_.begin(), taken_.end(), topic) != taken_.end();
}

void KafkaClient::release(const std::string &topic) noexcept {
    std::lock_guard lock(mutex_);
    taken_.erase(std::remove(taken_.begin(), taken_.end(), topic), taken_.end());
}

void KafkaClient::take(ClientInbox *inbox, std::vector<ClientEvent> *events) noexcept {
    // Several consumers can call this function at the same time. Each consumer must see all events that
    // librdkafka queued before the consumer's messages. Another thread may have taken such an event but not
    // yet put the event into the inboxes. So wait for the other thread here.
    std::lock_guard taking(taking_);
    rd_kafka_message_t *message;
    while (rd_kafka_consume_batch_queue(events_.get(), 0, &message, 1) == 1) {
        MessagePointer owner(message);
        if (message->rkt != nullptr) {
            // A message of a topic must not arrive in the client's own queue. Tell the consumer of this
            // topic, because otherwise this consumer would miss the message.
            send_reader(rd_kafka_topic_name(message->rkt), ClientEvent::Kind::stray, 0);
            continue;
        }
        // The message reports an error of the Kafka group. The client continues to read, because heartbeat
        // itself needs no group. Only tools that show consumer lag read the group's committed offsets.
        char line[print_size_max];
        snprintf(line, sizeof(line), "the Kafka group: %s", rd_kafka_message_errstr(message));
        send_first(ClientEvent::Kind::log, 4, line);
    }
    std::lock_guard lock(mutex_);
    events->clear();
    events->swap(inbox->events);
}

void KafkaClient::set_committing(ClientInbox *inbox, bool commits) noexcept {
    std::lock_guard lock(mutex_);
    inbox->commits = commits;
    inbox->committing_since = ClientInbox::Clock::now();
    perhaps_commits_ = perhaps_commits_ || commits;
}

bool KafkaClient::is_committing(const ClientInbox &inbox) noexcept {
    std::lock_guard lock(mutex_);
    return inbox.commits;
}

bool KafkaClient::commit_takes(std::chrono::milliseconds time) noexcept {
    std::lock_guard lock(mutex_);
    auto now = ClientInbox::Clock::now();
    auto commits = [](const ClientInbox *inbox) { return inbox->commits; };
    perhaps_commits_ = perhaps_commits_ && std::any_of(inboxes_.begin(), inboxes_.end(), commits);
    return perhaps_commits_ && std::any_of(inboxes_.begin(), inboxes_.end(), [=](const ClientInbox *inbox) {
               return inbox->commits && now > inbox->committing_since + time;
           });
}

void KafkaClient::set_beginning(ClientInbox *inbox, bool begins) noexcept {
    std::lock_guard lock(mutex_);
    inbox->begins = begins;
    inbox->begins_since = ClientInbox::Clock::now();
}

bool KafkaClient::other_begins(const ClientInbox &inbox) noexcept {
    std::lock_guard lock(mutex_);
    auto now = ClientInbox::Clock::now();
    return std::any_of(inboxes_.begin(), inboxes_.end(), [&](const ClientInbox *other) {
        return other != &inbox && other->begins && now < other->begins_since + begins_within;
    });
}

void KafkaClient::send_error(int code, const char *text) noexcept {
    const ClientInbox *reader = QueueReading::inbox();
    if (reader == nullptr && !failure_is_unknown_topic(code))
        return send_all(ClientEvent::Kind::error, code, text);
    std::lock_guard lock(mutex_);
    for (ClientInbox *inbox : inboxes_)
        if (reader == nullptr ? names_topic(text, inbox->topic) : inbox == reader)
            put(inbox, ClientEvent::Kind::error, code, text, -1);
}

void KafkaClient::send_all(ClientEvent::Kind kind, int code, const char *text, int32_t broker) noexcept {
    std::lock_guard lock(mutex_);
    for (ClientInbox *inbox : inboxes_)
        put(inbox, kind, code, text, broker);
}

void KafkaClient::send_first(ClientEvent::Kind kind, int code, const char *text) noexcept {
    std::lock_guard lock(mutex_);
    if (!inboxes_.empty())
        put(inboxes_.front(), kind, code, text, -1);
}

void KafkaClient::send_reader(const char *topic, ClientEvent::Kind kind, int code) noexcept {
    std::lock_guard lock(mutex_);
    for (ClientInbox *inbox : inboxes_)
        if (inbox->topic == topic)
            put(inbox, kind, code, "", -1);
}

} // namespace heartbeat
