// Unit test: consumers of one cluster share a client of librdkafka. Each consumer gets the messages of its
// own topic, each message once and in order. Meanwhile the test gives the first consumer new assignments, or
// closes and opens this consumer. The test uses librdkafka's mock cluster inside this process.
#include "decode/batch_filler.h"
#include "decode/decoder_of_heartbeat.h"
#include "kafka/consumer.h"
#include "kafka/topic_query.h"

#include <chrono>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <map>
#include <memory>
#include <poll.h>
#include <string>
#include <vector>

using namespace heartbeat;

namespace {

using Clock = std::chrono::steady_clock;

constexpr int32_t partitions = 2;
constexpr std::chrono::seconds deadline{20};

// Calls a consumer's functions as a source reader calls them.
class Reader {
  public:
    Reader(const char *brokers, const WakePipe &pipe, uint32_t number)
        : topic_("topic-" + std::to_string(number)), brokers_(brokers), wake_{&pipe, number} {
        open();
    }
    ~Reader() { consumer_close_later(consumer_, false); }
    Reader(const Reader &) = delete;
    Reader &operator=(const Reader &) = delete;

    void open() {
        Error error{};
        consumer_ = consumer_open({brokers_, topic_.c_str(), "group", "", "client"}, &error, nullptr, wake_);
        ASSERT_NE(consumer_, nullptr) << error.text;
    }
    // Closes the consumer while the thread of topic_ask() still uses the client.
    void close(bool retire) {
        ASSERT_TRUE(topic_ask(consumer_));
        consumer_close_later(consumer_, retire);
        consumer_ = nullptr;
        batch_.clear();
    }
    void assign() {
        std::vector<PartitionPosition> positions(partitions);
        for (int32_t partition = 0; partition < partitions; partition++)
            positions[partition] = {partition, next[partition]};
        Error error{};
        batch_.clear();
        ASSERT_TRUE(consumer_assign(consumer_, positions.data(), positions.size(), &error)) << error.text;
    }
    void stop() {
        Error error{};
        batch_.clear();
        ASSERT_TRUE(consumer_assign(consumer_, nullptr, 0, &error)) << error.text;
    }
    bool is_assigning() { return consumer_is_assigning(consumer_); }
    void leave(int32_t partition) {
        Error error{};
        ASSERT_TRUE(consumer_leave(consumer_, partition, &error)) << error.text;
    }
    void join(int32_t partition) {
        PartitionPosition position{partition, next[partition]};
        Error error{};
        ASSERT_TRUE(consumer_join(consumer_, &position, 1, &error)) << error.text;
    }
    // Takes the messages that have arrived, and checks that these messages are the next messages of the
    // reader's own topic.
    void read() {
        FillResult result = consumer_fill(consumer_, decoder_of_heartbeat(), &batch_);
        if (result == FillResult::trouble) {
            troubles++;
            return assign();
        }
        if (batch_.empty())
            return;
        for (const BatchMessage &message : batch_.messages) {
            int32_t partition = batch_.partitions[message.partition_index].partition;
            std::string payload(batch_.at(message.payload), static_cast<size_t>(message.payload.size));
            ASSERT_NE(payload.find('"' + topic_ + '"'), std::string::npos) << topic_ << " got " << payload;
            ASSERT_EQ(message.offset, next[partition]) << topic_ << " partition " << partition;
            next[partition]++;
        }
        consumer_advance(consumer_, &batch_);
        consumer_stored(consumer_, &batch_);
        batch_.clear();
    }

    std::map<int32_t, int64_t> next;
    int troubles = 0;

  private:
    std::string topic_;
    const char *brokers_;
    WakeTarget wake_;
    Consumer *consumer_ = nullptr;
    BatchFiller batch_{1000, 1 << 20};
};

class SharedConsumers : public testing::Test {
  protected:
    static constexpr uint32_t count = 3;

    void SetUp() override {
        char error[256];
        producer = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
        ASSERT_NE(producer, nullptr) << error;
        cluster = rd_kafka_mock_cluster_new(producer, 2);
        rd_kafka_brokers_add(producer, rd_kafka_mock_cluster_bootstraps(cluster));
        for (uint32_t i = 0; i < count; i++)
            ASSERT_EQ(rd_kafka_mock_topic_create(cluster, topic(i).c_str(), partitions, 1),
                      RD_KAFKA_RESP_ERR_NO_ERROR);
        clients = consumer_clients();
        for (uint32_t i = 0; i < count; i++)
            readers.push_back(std::make_unique<Reader>(rd_kafka_mock_cluster_bootstraps(cluster), pipe, i));
    }
    void TearDown() override {
        readers.clear();
        EXPECT_EQ(consumers_closing(5000).count, 0);
        EXPECT_EQ(consumer_clients(), clients);
        rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(producer);
    }
    static std::string topic(uint32_t i) { return "topic-" + std::to_string(i); }
    // Publishes this number of messages to each partition of each topic.
    void publish(int messages) {
        for (uint32_t i = 0; i < count; i++) {
            std::string payload = R"({"customer_id":")" + topic(i) +
                                  R"(","heart_rate":7,"event_timestamp":"2026-11-22T14:39:02Z"})";
            for (int n = 0; n < messages * partitions; n++)
                ASSERT_EQ(rd_kafka_producev(producer, RD_KAFKA_V_TOPIC(topic(i).c_str()),
                                            RD_KAFKA_V_PARTITION(n % partitions),
                                            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                            RD_KAFKA_V_VALUE(payload.data(), payload.size()), RD_KAFKA_V_END),
                          RD_KAFKA_RESP_ERR_NO_ERROR);
        }
        published += messages;
        rd_kafka_poll(producer, 0);
    }
    bool all_read(uint32_t first = 0) {
        for (uint32_t i = first; i < count; i++)
            for (int32_t partition = 0; partition < partitions; partition++)
                if (readers[i]->next[partition] < published)
                    return false;
        return true;
    }
    // Waits until a consumer wakes the pipe, or until the timeout. Then all readers read.
    void read(int milliseconds) {
        pollfd readable{pipe.wait_end(), POLLIN, 0};
        poll(&readable, 1, milliseconds);
        bool rung[count] = {};
        pipe.take(rung, count);
        for (auto &reader : readers)
            reader->read();
    }
    void read_all(uint32_t first = 0) {
        rd_kafka_flush(producer, 10'000);
        auto until = Clock::now() + deadline;
        while (!all_read(first) && Clock::now() < until && !HasFatalFailure())
            read(100);
        for (uint32_t i = first; i < count; i++)
            for (int32_t partition = 0; partition < partitions; partition++)
                EXPECT_EQ(readers[i]->next[partition], published) << topic(i) << " partition " << partition;
    }

    WakePipe pipe;
    rd_kafka_t *producer = nullptr;
    rd_kafka_mock_cluster_t *cluster = nullptr;
    int clients = 0;
    int64_t published = 0;
    std::vector<std::unique_ptr<Reader>> readers;
};

} // namespace

TEST_F(SharedConsumers, UseOneClient) {
    EXPECT_EQ(consumer_clients(), clients + 1);
    Reader second(rd_kafka_mock_cluster_bootstraps(cluster), pipe, 0);
    EXPECT_EQ(consumer_clients(), clients + 2) << "a second consumer of a topic needs another client";
}

TEST_F(SharedConsumers, GetTheMessagesOfTheirTopicsWhileOneIsAssignedAgain) {
    for (auto &reader : readers)
        reader->assign();
    for (int round = 0; round < 60 && !HasFatalFailure(); round++) {
        publish(20);
        for (int wait = 0; wait < round % 4; wait++)
            read(10);
        readers[0]->assign();
    }
    read_all();
}

TEST_F(SharedConsumers, GetTheirMessagesWhileOneLeavesAndJoinsAPartition) {
    for (auto &reader : readers)
        reader->assign();
    for (int round = 0; round < 60 && !HasFatalFailure(); round++) {
        publish(20);
        while (readers[0]->is_assigning())
            read(10);
        if (round % 2 == 0)
            readers[0]->leave(0);
        else
            readers[0]->join(0);
    }
    read_all();
}

TEST_F(SharedConsumers, GetTheirMessagesWhileOneIsClosedAndOpened) {
    for (int32_t broker = 1; broker <= 2; broker++)
        ASSERT_EQ(rd_kafka_mock_broker_set_rtt(cluster, broker, 30), RD_KAFKA_RESP_ERR_NO_ERROR);
    for (auto &reader : readers)
        reader->assign();
    for (int round = 0; round < 40 && !HasFatalFailure(); round++) {
        publish(20);
        for (int wait = 0; wait < round % 4; wait++)
            read(10);
        readers[0]->close(round % 10 == 9);
        readers[0]->open();
        readers[0]->assign();
        consumers_closing(0);
    }
    read_all();
    for (auto &reader : readers)
        EXPECT_EQ(reader->troubles, 0) << "librdkafka refuses partitions that it still reads";
}

TEST_F(SharedConsumers, ReadOnWhileOneStops) {
    for (auto &reader : readers)
        reader->assign();
    publish(100);
    read_all();
    readers[0]->stop();
    publish(100);
    read_all(1);
    EXPECT_EQ(readers[0]->next[0], 100) << "a reader that has stopped gets no message";
    readers[0]->assign();
    read_all();
}
