// Unit test: the consumer finds that another log has replaced the log of a Kafka partition, even while the
// broker of another Kafka partition does not answer. The test uses librdkafka's mock cluster inside this
// process.
#include "decode/batch_filler.h"
#include "decode/decoder_of_heartbeat.h"
#include "kafka/consumer.h"

#include <chrono>
#include <cstring>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <poll.h>

using namespace heartbeat;

namespace {

constexpr const char *topic = "readings";
constexpr int message_count = 20;
constexpr const char *payload =
    R"({"customer_id":"C","heart_rate":70,"event_timestamp":"2026-11-22T14:39:02Z"})";
constexpr int silent_ms = 60'000;
constexpr std::chrono::seconds deadline{20};

// Returns a position whose last consumed message is not in the log.
PartitionPosition position_in_another_log(int32_t partition) {
    PartitionPosition position{partition, message_count};
    position.last_message = {message_count - 1, 1, 1, -1};
    position.log_end = message_count;
    return position;
}

class ConsumerLoss : public testing::Test {
  protected:
    void SetUp() override {
        char error[256];
        producer = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), error, sizeof(error));
        ASSERT_NE(producer, nullptr) << error;
        cluster = rd_kafka_mock_cluster_new(producer, 2);
        rd_kafka_brokers_add(producer, rd_kafka_mock_cluster_bootstraps(cluster));
        ASSERT_EQ(rd_kafka_mock_topic_create(cluster, topic, 2, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
        for (int32_t partition = 0; partition < 2; partition++) {
            ASSERT_EQ(rd_kafka_mock_partition_set_leader(cluster, topic, partition, partition + 1),
                      RD_KAFKA_RESP_ERR_NO_ERROR);
            for (int i = 0; i < message_count; i++)
                ASSERT_EQ(rd_kafka_producev(
                              producer, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                              RD_KAFKA_V_VALUE(const_cast<char *>(payload), strlen(payload)), RD_KAFKA_V_END),
                          RD_KAFKA_RESP_ERR_NO_ERROR);
        }
        ASSERT_EQ(rd_kafka_flush(producer, 10'000), RD_KAFKA_RESP_ERR_NO_ERROR);
        Error error_of_open{};
        consumer = consumer_open({rd_kafka_mock_cluster_bootstraps(cluster), topic, "group", "", "client"},
                                 &error_of_open);
        ASSERT_NE(consumer, nullptr) << error_of_open.text;
    }
    void TearDown() override {
        if (consumer != nullptr)
            consumer_close(consumer);
        rd_kafka_mock_cluster_destroy(cluster);
        rd_kafka_destroy(producer);
    }
    // Waits as an ingest worker does: calls consumer_fill() when the client reports an event, but after a
    // second at the latest.
    FillResult fill(Batch *batch) {
        pollfd readable{consumer_descriptor(consumer), POLLIN, 0};
        poll(&readable, 1, 1000);
        return consumer_fill(consumer, decoder_of_heartbeat(), batch);
    }

    rd_kafka_t *producer = nullptr;
    rd_kafka_mock_cluster_t *cluster = nullptr;
    Consumer *consumer = nullptr;
};

} // namespace

TEST_F(ConsumerLoss, IsReportedWithTheTroubleThoughAnotherBrokerIsSilent) {
    ASSERT_EQ(rd_kafka_mock_broker_set_rtt(cluster, 2, silent_ms), RD_KAFKA_RESP_ERR_NO_ERROR);
    PartitionPosition positions[] = {position_in_another_log(0), position_in_another_log(1)};
    Error error{};
    ASSERT_TRUE(consumer_assign(consumer, positions, 2, &error)) << error.text;
    BatchFiller batch(100, 1 << 20);
    TopicLoss loss;
    FillResult result = FillResult::drained;
    bool gathers = false;
    const auto begun = std::chrono::steady_clock::now();
    while (result != FillResult::trouble && std::chrono::steady_clock::now() < begun + deadline) {
        result = fill(&batch);
        gathers = gathers || consumer_gathers_losses(consumer);
        if (result == FillResult::trouble)
            break;
        ASSERT_FALSE(consumer_lost_topic(consumer, &loss)) << "the caller would not assign again";
    }
    EXPECT_TRUE(gathers) << "the client waits for the other partition before it reports";
    ASSERT_EQ(result, FillResult::trouble) << "the client reports although one broker is silent";
    ASSERT_TRUE(consumer_lost_topic(consumer, &loss));
    EXPECT_EQ(loss.partition, 0);
    EXPECT_FALSE(consumer_lost_topic(consumer, &loss));
    EXPECT_FALSE(consumer_gathers_losses(consumer));
    EXPECT_TRUE(batch.empty()) << "no message of the other log is in the batch";

    ASSERT_EQ(rd_kafka_mock_broker_set_rtt(cluster, 2, 0), RD_KAFKA_RESP_ERR_NO_ERROR);
}

TEST_F(ConsumerLoss, IsForgottenByAnAssignmentAndFoundAgain) {
    PartitionPosition positions[] = {position_in_another_log(0), position_in_another_log(1)};
    Error error{};
    for (int round = 0; round < 2; round++) {
        ASSERT_TRUE(consumer_assign(consumer, positions, 2, &error)) << error.text;
        EXPECT_FALSE(consumer_gathers_losses(consumer));
        BatchFiller batch(100, 1 << 20);
        FillResult result = FillResult::drained;
        const auto begun = std::chrono::steady_clock::now();
        while (result != FillResult::trouble && std::chrono::steady_clock::now() < begun + deadline)
            result = fill(&batch);
        ASSERT_EQ(result, FillResult::trouble) << "round " << round;
    }
    TopicLoss loss;
    bool found[2] = {};
    while (consumer_lost_topic(consumer, &loss))
        found[loss.partition] = true;
    EXPECT_TRUE(found[0] && found[1]);
}
