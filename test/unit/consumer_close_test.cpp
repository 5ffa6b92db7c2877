// Unit test: if a consumer is closed while Kafka does not answer a question, a later call frees the consumer,
// so the process keeps no descriptor of the consumer.
#include "kafka/consumer.h"
#include "kafka/topic_query.h"

#include <arpa/inet.h>
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <iterator>
#include <string>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

using namespace heartbeat;

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds deadline{60};

// A broker that accepts connections, and never answers.
class SilentBroker {
  public:
    SilentBroker() : socket_(socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto *any = reinterpret_cast<sockaddr *>(&address);
        if (bind(socket_, any, size) == 0 && listen(socket_, 16) == 0 &&
            getsockname(socket_, any, &size) == 0)
            brokers = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
    }
    ~SilentBroker() { close(socket_); }
    SilentBroker(const SilentBroker &) = delete;
    SilentBroker &operator=(const SilentBroker &) = delete;

    std::string brokers;

  private:
    int socket_;
};

ptrdiff_t descriptors() {
    std::filesystem::directory_iterator all("/proc/self/fd");
    return std::distance(begin(all), end(all));
}

Consumer *open_consumer(const SilentBroker &broker) {
    Error error{};
    Consumer *consumer = consumer_open({broker.brokers.c_str(), "topic", "group", "", "client"}, &error);
    EXPECT_NE(consumer, nullptr) << error.text;
    return consumer;
}

} // namespace

TEST(ConsumerClose, FreesTheConsumersOfUnansweredQuestions) {
    SilentBroker broker;
    ASSERT_FALSE(broker.brokers.empty());
    int clients = consumer_clients();
    consumer_close(open_consumer(broker)); // librdkafka keeps the descriptors that its first client opens
    ptrdiff_t before = descriptors();
    for (int i = 0; i < 3; i++) {
        Consumer *consumer = open_consumer(broker);
        ASSERT_TRUE(topic_ask(consumer));
        EXPECT_EQ(consumer_close(consumer), CloseResult::left_asking);
    }
    auto until = Clock::now() + deadline;
    while (consumer_clients() > clients && Clock::now() < until)
        std::this_thread::sleep_for(std::chrono::milliseconds(50));
    // a thread reports a moment later that it has destroyed its client; after that, the next consumer_close()
    // frees the consumer
    do
        consumer_close(open_consumer(broker));
    while (descriptors() > before && Clock::now() < until);
    EXPECT_EQ(descriptors(), before);
}
