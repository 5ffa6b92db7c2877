// Unit test: repeats a call, and makes another allocation fail each time. The call must not throw, its status
// must report the error, and a second call must give the usual result. The allocations inside librdkafka do
// not fail here, because librdkafka uses C's malloc().
#include "decode/batch_filler.h"
#include "decode/decoder_of_heartbeat.h"
#include "decode/pipeline.h"
#include "failing_allocations.h"
#include "kafka/consumer.h"
#include "kafka/kafka_config.h"

#include <cstdlib>
#include <cstring>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <new>
#include <poll.h>
#include <string>
#include <unistd.h>

std::atomic<long> heartbeat::allocations_left{heartbeat::no_limit};

namespace {

bool is_to_fail() {
    return heartbeat::allocations_left >= 0 && heartbeat::allocations_left-- == 0;
}

} // namespace

void *operator new(size_t size) {
    void *memory = is_to_fail() ? nullptr : std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr)
        throw std::bad_alloc();
    return memory;
}
void *operator new(size_t size, const std::nothrow_t & /*tag*/) noexcept {
    return is_to_fail() ? nullptr : std::malloc(size == 0 ? 1 : size);
}
// If gcc inlined this function, gcc would warn that free() does not match operator new.
[[gnu::noinline]] void operator delete(void *memory) noexcept {
    std::free(memory);
}
[[gnu::noinline]] void operator delete(void *memory, size_t /*size*/) noexcept {
    std::free(memory);
}

namespace heartbeat {
namespace {

constexpr size_t message_count = 64;
// this text is so long that std::string must allocate memory for it
constexpr char topic[] = "heartbeat-events";

// Calls work() for n = 0, 1, 2 and so on, and makes allocation number n of the call fail. The first
// allocation has the number 0. Ends when a call has no allocation number n. Returns how many allocations
// failed.
template <typename Work> long fail_each(Work work) {
    for (long n = 0; n < 1000; n++) {
        allocations_left = n;
        work();
        if (allocations_left.exchange(no_limit) >= 0)
            return n; // work() made no allocation number n
    }
    return -1;
}

struct PropertiesFile {
    explicit PropertiesFile(const char *text) {
        const int file = mkstemp(path);
        EXPECT_EQ(write(file, text, strlen(text)), static_cast<ssize_t>(strlen(text)));
        close(file);
    }
    ~PropertiesFile() { unlink(path); }
    PropertiesFile(const PropertiesFile &) = delete;
    PropertiesFile &operator=(const PropertiesFile &) = delete;
    char path[32] = "/tmp/heartbeat-config.XXXXXX";
};

std::string payload_of(size_t i) {
    const Unlimited unlimited;
    return i % 10 == 9 ? "garbage " + std::to_string(i)
                       : R"({"customer_id":"CUST-)" + std::to_string(i % 7) + R"(","heart_rate":)" +
                             std::to_string(30 + i % 60) + R"(,"event_timestamp":"2025-11-22T14:39:0)" +
                             std::to_string(i % 5) + R"(Z"})";
}

void expect_all(const Batch &batch) {
    const Unlimited unlimited;
    ASSERT_EQ(batch.messages.size(), message_count);
    for (size_t i = 0; i < message_count; i++) {
        const BatchMessage &message = batch.messages[i];
        EXPECT_EQ(message.is_dead_letter(), i % 10 == 9);
        EXPECT_EQ(std::string(batch.at(message.payload), static_cast<size_t>(message.payload.size)),
                  payload_of(i));
    }
    EXPECT_EQ(batch.dead_letters.size(), message_count / 10);
    EXPECT_EQ(batch.records.size() + batch.anomalies.size() + batch.dead_letters.size() +
                  batch.repetitions.size(),
              message_count);
}

TEST(OutOfMemory, ABatchIsCompleteAfterRetries) {
    const long failures = fail_each([] {
        Batch *batch = batch_create(message_count, 1 << 20);
        if (batch == nullptr)
            return;
        for (size_t i = 0; i < message_count; i++) {
            const std::string payload = payload_of(i);
            const MessageView message = {.partition = static_cast<int32_t>(i),
                                         .key = {"key", 3},
                                         .payload = {payload.data(), payload.size()}};
            while (pipeline_take(decoder_of_heartbeat(), message, 0, batch) != PipelineResult::taken)
                EXPECT_EQ(batch->messages.size(), i)
                    << "a message that could not be added is not in the batch";
        }
        while (!batch_seal(batch))
            EXPECT_TRUE(batch->records.empty() && batch->dead_letters.empty() && !batch->sealed);
        expect_all(*batch);
        while (!batch_reject(batch, batch->records[0], "23514", "refused at some length"))
            while (!batch_restore(batch)) // the worker calls batch_restore() before each attempt to store
                ;
        EXPECT_TRUE(batch->messages[batch->dead_letters.back()].is_dead_letter());
        while (!batch_restore(batch))
            ;
        expect_all(*batch);
        batch_destroy(batch);
    });
    EXPECT_GT(failures, 20);
}

TEST(OutOfMemory, AConfigurationIsRefusedOrComplete) {
    const PropertiesFile file("# a comment that is longer than a short string\n"
                              "sasl.password = a password of some length\nfetch.wait.max.ms=51\n");
    const long failures = fail_each([&] {
        Error error{};
        const ConfigPointer config =
            kafka_config_create({"broker:9092", topic, "group", file.path, "client"}, &error);
        const Unlimited unlimited;
        if (config == nullptr) {
            EXPECT_STRNE(error.text, "");
            return;
        }
        char last[64];
        size_t size = sizeof(last);
        EXPECT_EQ(rd_kafka_conf_get(config.get(), "fetch.wait.max.ms", last, &size), RD_KAFKA_CONF_OK);
        EXPECT_STREQ(last, "51") << "the file was read to its end";
    });
    EXPECT_GT(failures, 3);
}

// A consumer of librdkafka's mock cluster inside this process.
class OutOfMemoryConsumer : public testing::Test {
  protected:
    void SetUp() override {
        char error[256];
        producer = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
        ASSERT_NE(producer, nullptr) << error;
        cluster = rd_kafka_mock_cluster_new(producer, 1);
        rd_kafka_brokers_add(producer, rd_kafka_mock_cluster_bootstraps(cluster));
        ASSERT_EQ(rd_kafka_mock_topic_create(cluster, topic, 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
        for (size_t i = 0; i < message_count; i++) {
            std::string payload = payload_of(i);
            ASSERT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(0),
                                        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                        RD_KAFKA_V_VALUE(payload.data(), payload.size()), RD_KAFKA_V_END),
                      RD_KAFKA_RESP_ERR_NO_ERROR);
        }
        ASSERT_EQ(rd_kafka_flush(producer, 10000), RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    void TearDown() override {
        EXPECT_EQ(consumer_close(consumer), CloseResult::closed);
        rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(producer);
    }
    Consumer *open() {
        Error error{};
        Consumer *opened = consumer_open(
            {rd_kafka_mock_cluster_bootstraps(cluster), topic, "group", properties.path, "client"}, &error);
        const Unlimited unlimited;
        EXPECT_EQ(opened == nullptr, error.text[0] != '\0') << error.text;
        return opened;
    }
    bool assign() {
        PartitionPosition position{0, 0};
        Error error{};
        return consumer_assign(consumer, &position, 1, &error);
    }
    // Fills the batch until it is full, or until an allocation fails.
    FillResult fill(Batch *batch, bool ahead) {
        FillResult result = FillResult::drained;
        for (int waits = 0; result == FillResult::drained && waits < 100; waits++) {
            pollfd readable{consumer_descriptor(consumer), POLLIN, 0};
            poll(&readable, 1, 100);
            if (!ahead)
                result = consumer_fill(consumer, decoder_of_heartbeat(), batch);
            else if (consumer_fill_ahead(consumer, decoder_of_heartbeat(), batch))
                result = consumer_ahead_result(consumer);
        }
        return result;
    }
    void expect_recovery(bool ahead) {
        long refused = 0;
        const long failures = fail_each([&] {
            BatchFiller batch(message_count, 1 << 20);
            while (!assign())
                refused++;
            FillResult result = fill(&batch, ahead);
            if (result == FillResult::out_of_memory) { // begin with an empty batch, as the worker does
                refused++;
                batch.clear();
                EXPECT_TRUE(assign());
                result = fill(&batch, ahead);
            }
            EXPECT_EQ(result, FillResult::full);
            const bool sealed = batch_seal(&batch) || batch_seal(&batch);
            EXPECT_TRUE(sealed);
            expect_all(batch);
        });
        EXPECT_GT(failures, 10);
        EXPECT_GT(refused, 10);
    }

    const PropertiesFile properties{"fetch.wait.max.ms=5\n"}; // each new assignment waits 5 ms
    rd_kafka_t *producer = nullptr;
    rd_kafka_mock_cluster_t *cluster = nullptr;
    Consumer *consumer = nullptr;
};

TEST_F(OutOfMemoryConsumer, OpensOrReportsTheError) {
    EXPECT_GT(fail_each([&] { consumer_close(open()); }), 0);
}

TEST_F(OutOfMemoryConsumer, ReadsLostMessagesAgain) {
    consumer = open();
    expect_recovery(false);
}

TEST_F(OutOfMemoryConsumer, ReadsLostPrefetchedMessagesAgain) {
    consumer = open();
    expect_recovery(true);
}

} // namespace
} // namespace heartbeat
