// Opens librdkafka's client. The callbacks of this file run inside the calls that read from the client's
// queue, never on librdkafka's own threads.
#include "kafka/consumer.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/failure.h"
#include "kafka/kafka_config.h"
#include "kafka/thread_guards.h"

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace heartbeat {

constexpr int refresh_ms_default = 60000;

namespace {

void log_callback(const rd_kafka_t *client, int level, const char *facility, const char *text) {
    char line[print_size_max];
    snprintf(line, sizeof(line), "%s: %s", facility, text);
    static_cast<Consumer *>(rd_kafka_opaque(client))->note(level, line);
}

void error_callback(rd_kafka_t *client, int error, const char *reason, void *opaque) {
    auto *consumer = static_cast<Consumer *>(opaque);
    if (error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN) {
        consumer->lost_brokers = true;
        utf8_copy(consumer->trouble, sizeof(consumer->trouble),
                  "cannot reach Kafka: no broker can be reached");
    } else {
        char shown[print_size_max];
        consumer->redactor.show(shown, sizeof(shown), reason);
        consumer->broker_errors.hear(error, shown, std::chrono::steady_clock::now());
    }
    if (failure_is_unknown_topic(error))
        consumer->lose_topic();
    char line[print_size_max];
    snprintf(line, sizeof(line), "%s: %s", rd_kafka_err2name(static_cast<rd_kafka_resp_err_t>(error)),
             reason);
    consumer->note(4, line);
    (void)client;
}

void throttle_callback(rd_kafka_t * /*client*/, const char *name, int32_t broker, int milliseconds,
                       void *opaque) {
    auto *consumer = static_cast<Consumer *>(opaque);
    char shown[print_size_max];
    consumer->redactor.show(shown, sizeof(shown), name);
    try {
        consumer->throttles.hear(broker, shown, milliseconds, Throttles::Clock::now());
    } catch (...) {
        // out of memory: the broker reports its throttling again
    }
}

void commit_callback(rd_kafka_t * /*client*/, rd_kafka_resp_err_t error,
                     rd_kafka_topic_partition_list_t * /*offsets*/, void *opaque) {
    static_cast<Consumer *>(opaque)->commits = 0;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || error == RD_KAFKA_RESP_ERR__NO_OFFSET)
        return;
    char line[print_size_max];
    snprintf(line, sizeof(line), "offsets were not committed to the Kafka group: %s",
             rd_kafka_err2str(error));
    auto *consumer = static_cast<Consumer *>(opaque);
    consumer->note(6, line);
    consumer->group_commit_failed = true;
}

int refresh_ms_of(rd_kafka_t *client) {
    char value[32];
    size_t size = sizeof(value);
    rd_kafka_conf_res_t result =
        rd_kafka_conf_get(rd_kafka_conf(client), "topic.metadata.refresh.interval.ms", value, &size);
    int milliseconds = result == RD_KAFKA_CONF_OK ? atoi(value) : 0;
    // -1: librdkafka itself never asks about the topic
    return milliseconds > 0 ? milliseconds : refresh_ms_default;
}

bool open_client(Consumer *consumer, const KafkaSettings &settings, const WakeTarget &wake, Error *error) {
    consumer->topic = settings.topic;
    consumer->wake = std::make_shared<Wake>(wake);
    consumer->shared = std::make_shared<SharedClient>();
    consumer->shared->topic = settings.topic;
    consumer->shared->group = settings.group_id;
    if (!consumer->wake->is_open()) {
        utf8_print(error->text, sizeof(error->text), "cannot create a pipe: %s", strerror(errno));
        return false;
    }
    ConfigPointer config = kafka_config_create(settings, error, &consumer->redactor);
    if (config == nullptr)
        return false;
    rd_kafka_conf_set_opaque(config.get(), consumer);
    rd_kafka_conf_set_log_cb(config.get(), log_callback);
    rd_kafka_conf_set_error_cb(config.get(), error_callback);
    rd_kafka_conf_set_throttle_cb(config.get(), throttle_callback);
    rd_kafka_conf_set_offset_commit_cb(config.get(), commit_callback);
    if (!consumer->connections.watch(config.get(), {&consumer->wake->pipe(), consumer->wake->number()})) {
        utf8_copy(error->text, sizeof(error->text), "librdkafka does not report its connections");
        return false;
    }
    TimersSlackened slackened;
    char error_text[print_size_max]; // the redactor finds a quoted value only if the text has the whole value
    // The client owns the configuration. If rd_kafka_new() makes no client, do not destroy the configuration:
    // librdkafka has already freed its interceptors, and would free them a second time. The other data of the
    // configuration, some kilobytes, stay until the process ends.
    consumer->shared->handle.reset(
        rd_kafka_new(RD_KAFKA_CONSUMER, config.release(), error_text, sizeof(error_text)));
    consumer->client = consumer->shared->handle.get();
    if (consumer->client == nullptr) {
        consumer->redactor.show(error->text, sizeof(error->text), error_text);
        return false;
    }
    consumer->refresh_ms = refresh_ms_of(consumer->client);
    // one queue for messages, errors and log lines, so that one descriptor signals all of them
    rd_kafka_poll_set_consumer(consumer->client);
    consumer->queue.reset(rd_kafka_queue_get_consumer(consumer->client));
    rd_kafka_resp_err_t code = rd_kafka_set_log_queue(consumer->client, consumer->queue.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failure_describe(error, "cannot redirect librdkafka's log", code);
    consumer->shared->topic_handle.reset(rd_kafka_topic_new(consumer->client, settings.topic, nullptr));
    if (consumer->shared->topic_handle == nullptr)
        return failure_describe(error, "cannot create librdkafka's handle for the topic",
                                rd_kafka_last_error());
    rd_kafka_queue_io_event_enable(consumer->queue.get(), consumer->wake->pipe().ring_end(),
                                   &consumer->wake->number(), sizeof(uint32_t));
    return true;
}

} // namespace

ConsumerMemory *consumer_memory_create() noexcept {
    return new (std::nothrow) ConsumerMemory;
}

void consumer_memory_destroy(ConsumerMemory *memory) noexcept {
    delete memory;
}

Consumer *consumer_open(const KafkaSettings &settings, Error *error, ConsumerMemory *memory,
                        WakeTarget wake) noexcept {
    Consumer *consumer = nullptr;
    try {
        consumer = new Consumer;
        consumer->memory = memory == nullptr ? &consumer->own_memory : memory;
        if (open_client(consumer, settings, wake, error))
            return consumer;
    } catch (...) {
        utf8_copy(error->text, sizeof(error->text), "out of memory while opening the Kafka client");
    }
    consumer_close(consumer);
    return nullptr;
}

int consumer_clients() noexcept {
    return SharedClient::count();
}

int consumer_descriptor(const Consumer *consumer) noexcept {
    return consumer->wake->pipe().wait_end();
}

int consumer_refresh_ms(const Consumer *consumer) noexcept {
    return consumer->refresh_ms;
}

const char *consumer_library_version() noexcept {
    return rd_kafka_version_str();
}

} // namespace heartbeat
