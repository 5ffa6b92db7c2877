// Unit tests of the generator: publishing to the embedded broker, and the counts of messages.
#include "publish.h"

#include "embedded_broker.h"

#include <chrono>
#include <cstdio>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka_mock.h>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <system_error>
#include <unistd.h>

namespace heartbeat::generator {
namespace {

constexpr char topic[] = "readings";
constexpr int partitions = 3;

// The lines that the console has printed, as text.
class Transcript {
  public:
    Transcript() : file_(tmpfile()), console_(false, file_) {}
    Transcript(const Transcript &) = delete;
    Transcript &operator=(const Transcript &) = delete;
    ~Transcript() { fclose(file_); }

    Console *console() { return &console_; }
    std::string text() const {
        std::string text;
        fseek(file_, 0, SEEK_SET);
        for (int c = fgetc(file_); c != EOF; c = fgetc(file_))
            text.push_back(static_cast<char>(c));
        return text;
    }

  private:
    FILE *file_;
    Console console_;
};

Message message_of(std::string_view key, std::string_view payload) {
    return {key, !key.empty(), payload, 1};
}

void drain(Publisher *publisher) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (publisher->counts().in_flight() > 0 && std::chrono::steady_clock::now() < deadline)
        publisher->serve(50);
    EXPECT_EQ(publisher->counts().in_flight(), 0U);
}

// Binds and closes a loopback port, and returns the port. No process listens on this port.
uint16_t free_port() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr *>(&address), size), 0);
    EXPECT_EQ(getsockname(fd, reinterpret_cast<sockaddr *>(&address), &size), 0);
    close(fd);
    return ntohs(address.sin_port);
}

TEST(Publish, EveryDeliveryIsCounted) {
    const EmbeddedBroker broker(0, topic, partitions);
    Transcript transcript;
    Publisher publisher({broker.address(), topic, {}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    for (int i = 0; i < 1000; i++)
        ASSERT_EQ(publisher.send(message_of("CUST-" + std::to_string(i % 20), "payload")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().sent, 1000U);
    EXPECT_EQ(publisher.counts().acknowledged, 1000U);
    EXPECT_FALSE(publisher.broken());
    EXPECT_EQ(broker.dropped(), 0);
    EXPECT_EQ(transcript.text(), "");
}

// An embedded broker does not support requests to create a topic. But the broker creates a topic when a
// publisher sends the first message to the topic.
TEST(Publish, ATopicNeedNotBeCreatedByRequest) {
    const EmbeddedBroker broker(0, topic, partitions);
    Transcript transcript;
    Publisher publisher({broker.address(), "another", {}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    ASSERT_EQ(publisher.send(message_of("", "")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().acknowledged, 1U);
}

TEST(Publish, ARequestedPortAnswers) {
    const uint16_t port = free_port();
    const EmbeddedBroker broker(port, topic, partitions);
    EXPECT_EQ(broker.address(), "127.0.0.1:" + std::to_string(port));
    Transcript transcript;
    Publisher publisher({broker.address(), topic, {}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    ASSERT_EQ(publisher.send(message_of("", "")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().acknowledged, 1U);
}

// The broker refuses the publisher's first request, as a broker does while it becomes the leader of a
// partition of a new topic. The broker accepts all later requests.
TEST(Publish, AnAcknowledgedMessageIsInKafkaAfterARefusedRequest) {
    char reason[512];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    ASSERT_EQ(rd_kafka_conf_set(conf, "test.mock.num.brokers", "1", reason, sizeof(reason)),
              RD_KAFKA_CONF_OK);
    const std::unique_ptr<rd_kafka_t, decltype(&rd_kafka_destroy)> rk(
        rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason)), rd_kafka_destroy);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_handle_mock_cluster(rk.get());
    ASSERT_EQ(rd_kafka_mock_topic_create(cluster, topic, 1, 1), RD_KAFKA_RESP_ERR_NO_ERROR);
    // The broker answers slowly, and each message has a request of its own. So a publisher that may have
    // several requests in flight would send further requests before the refusal arrives.
    ASSERT_EQ(rd_kafka_mock_broker_set_rtt(cluster, 1, 20), RD_KAFKA_RESP_ERR_NO_ERROR);
    constexpr int16_t produce_request = 0; // the number of this kind of request in Kafka's protocol
    rd_kafka_mock_push_request_errors(cluster, produce_request, 1,
                                      RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);

    Transcript transcript;
    Publisher publisher({rd_kafka_mock_cluster_bootstraps(cluster), topic, {"batch.num.messages=1"}, 0},
                        transcript.console());
    ASSERT_TRUE(publisher.open());
    for (int i = 0; i < 50; i++)
        ASSERT_EQ(publisher.send(message_of("CUST-1", "payload")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().acknowledged, 50U);
    int64_t low = -1;
    int64_t high = -1;
    ASSERT_EQ(rd_kafka_query_watermark_offsets(rk.get(), topic, 0, &low, &high, 5000),
              RD_KAFKA_RESP_ERR_NO_ERROR);
    EXPECT_EQ(high - low, 50);
}

TEST(Publish, ATakenPortIsAnError) {
    const uint16_t port = free_port();
    const EmbeddedBroker broker(port, topic, partitions);
    EXPECT_THROW(EmbeddedBroker(port, topic, partitions), std::system_error);
}

TEST(Publish, ATooLargeMessageFailsAndTheNextIsDelivered) {
    const EmbeddedBroker broker(0, topic, partitions);
    Transcript transcript;
    Publisher publisher({broker.address(), topic, {}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    const std::string huge(2'000'000, 'x');
    EXPECT_EQ(publisher.send(message_of("", huge)), SendResult::sent);
    EXPECT_EQ(publisher.send(message_of("", "small")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().failed, 1U);
    EXPECT_EQ(publisher.counts().acknowledged, 1U);
    EXPECT_FALSE(publisher.broken());
    EXPECT_NE(transcript.text().find("too large"), std::string::npos) << transcript.text();
}

TEST(Publish, AFullQueueAcceptsNoMessage) {
    const EmbeddedBroker broker(0, topic, partitions);
    Transcript transcript;
    Publisher publisher({broker.address(), topic, {"queue.buffering.max.messages=1", "linger.ms=100"}, 0},
                        transcript.console());
    ASSERT_TRUE(publisher.open());
    EXPECT_EQ(publisher.send(message_of("", "first")), SendResult::sent);
    EXPECT_EQ(publisher.send(message_of("", "second")), SendResult::full);
    EXPECT_EQ(publisher.counts().sent, 1U);
    drain(&publisher);
    EXPECT_EQ(publisher.send(message_of("", "second")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().acknowledged, 2U);
}

TEST(Publish, GivesUpWithoutABroker) {
    Transcript transcript;
    const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
    Publisher publisher({nobody, topic, {"message.timeout.ms=1000"}, partitions}, transcript.console());
    EXPECT_FALSE(publisher.open());
    EXPECT_EQ(publisher.send(message_of("", "lost")), SendResult::sent);
    drain(&publisher);
    EXPECT_EQ(publisher.counts().failed, 1U);
    EXPECT_TRUE(publisher.broken());
    EXPECT_EQ(publisher.send(message_of("", "refused")), SendResult::broken);
    EXPECT_NE(transcript.text().find("no broker answers"), std::string::npos) << transcript.text();
}

TEST(Publish, CountsAbandonedMessagesAsFailed) {
    Transcript transcript;
    const std::string nobody = "127.0.0.1:" + std::to_string(free_port());
    Publisher publisher({nobody, topic, {}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    for (int i = 0; i < 10; i++)
        ASSERT_EQ(publisher.send(message_of("", "lost")), SendResult::sent);
    publisher.abandon();
    EXPECT_EQ(publisher.counts().failed, 10U);
}

TEST(Publish, TheEmbeddedBrokerCountsDroppedMessages) {
    const EmbeddedBroker broker(0, topic, 1);
    Transcript transcript;
    Publisher publisher({broker.address(), topic, {"compression.codec=none"}, 0}, transcript.console());
    ASSERT_TRUE(publisher.open());
    const std::string large(500'000, 'x');
    for (int i = 0; i < 30; i++)
        ASSERT_EQ(publisher.send(message_of("", large)), SendResult::sent);
    drain(&publisher);
    EXPECT_GT(broker.dropped(), 0);
}

std::string config_error_of(const std::string &property) {
    try {
        producer_config_make("localhost:1", {property});
    } catch (const ProducerConfigError &error) {
        return error.what();
    }
    return "";
}

TEST(ProducerConfig, ErrorsNameTheProperty) {
    EXPECT_NE(config_error_of("linger.mss=1").find("linger.mss"), std::string::npos);
    EXPECT_NE(config_error_of("acks=several").find("acks"), std::string::npos);
}

TEST(ProducerConfig, PropertiesOverrideTheDefaultsOfTheGenerator) {
    const ProducerConf own = producer_config_make("a:1", {});
    EXPECT_EQ(producer_config_get(own.get(), "enable.idempotence"), "true");
    EXPECT_EQ(producer_config_get(own.get(), "message.timeout.ms"), "30000");
    const ProducerConf conf = producer_config_make("a:1", {"message.timeout.ms=5", "client.id=a=b"});
    EXPECT_EQ(producer_config_get(conf.get(), "message.timeout.ms"), "5");
    EXPECT_EQ(producer_config_get(conf.get(), "client.id"), "a=b");
    EXPECT_EQ(producer_config_get(conf.get(), "bootstrap.servers"), "a:1");
}

} // namespace
} // namespace heartbeat::generator
