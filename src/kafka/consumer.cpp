// Opens a consumer: finds or opens librdkafka's client, and makes the queue of the topic.
#include "kafka/consumer.h"

#include "decode/utf8_text.h"
#include "kafka/consumer_client.h"
#include "kafka/failure.h"

#include <cerrno>
#include <cstring>
#include <memory>
#include <new>
#include <utility>

namespace heartbeat {

namespace {

// The consumers of a worker share librdkafka's clients. A consumer in a user's session has a client of its
// own.
std::shared_ptr<KafkaClient> find_client(const Consumer &consumer, const KafkaSettings &settings,
                                         const WakeTarget &wake, Error *error) {
    if (wake.pipe != nullptr)
        return kafka_client_share(settings, *wake.pipe, error);
    auto client = std::make_shared<KafkaClient>();
    return client->open(settings, consumer.wake, error) ? client : nullptr;
}

bool open_client(Consumer *consumer, const KafkaSettings &settings, const WakeTarget &wake, Error *error) {
    consumer->topic = consumer->inbox.topic = settings.topic;
    consumer->wake = std::make_shared<Wake>(wake);
    if (!consumer->wake->is_open()) {
        utf8_print(error->text, sizeof(error->text), "cannot create a pipe: %s", strerror(errno));
        return false;
    }
    auto shared = std::make_shared<SharedClient>();
    shared->topic = settings.topic;
    shared->group = settings.group_id;
    shared->client = find_client(*consumer, settings, wake, error);
    if (shared->client == nullptr)
        return false;
    consumer->shared = shared;
    consumer->client = shared->handle();
    consumer->refresh_ms = shared->client->refresh_ms;
    shared->topic_handle.reset(rd_kafka_topic_new(consumer->client, settings.topic, nullptr));
    if (shared->topic_handle == nullptr)
        return failure_describe(error, "cannot create librdkafka's handle for the topic",
                                rd_kafka_last_error());
    shared->queue.reset(rd_kafka_queue_new(consumer->client));
    consumer->queue = shared->queue.get();
    rd_kafka_queue_io_event_enable(consumer->queue, consumer->wake->pipe().ring_end(),
                                   &consumer->wake->number(), sizeof(uint32_t));
    shared->client->join(&consumer->inbox);
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
    return KafkaClient::count();
}

int consumer_descriptor(const Consumer *consumer) noexcept {
    return consumer->wake->pipe().wait_end();
}

int consumer_refresh_ms(const Consumer *consumer) noexcept {
    return consumer->refresh_ms;
}

int consumer_fetch_delay_ms(const Consumer *consumer) noexcept {
    return consumer->shared == nullptr ? 0 : static_cast<int>(consumer->shared->client->fetch_delay.count());
}

const char *consumer_library_version() noexcept {
    return rd_kafka_version_str();
}

} // namespace heartbeat
