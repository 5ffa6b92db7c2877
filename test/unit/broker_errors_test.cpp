// Unit tests: which of the brokers' errors the extension shows.
#include "kafka/broker_errors.h"

#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <string>

namespace heartbeat {
namespace {

constexpr int lost = RD_KAFKA_RESP_ERR__TRANSPORT;
constexpr int refused = RD_KAFKA_RESP_ERR__AUTHENTICATION;

class BrokerErrorsTest : public testing::Test {
  protected:
    void hear(int error, const char *text, int seconds = 0) {
        errors.hear(error, text, BrokerErrors::Time(std::chrono::seconds(1000 + seconds)));
    }
    BrokerErrors errors;
};

TEST_F(BrokerErrorsTest, HasNoErrorAtFirst) {
    EXPECT_STREQ(errors.worst(), "");
}

TEST_F(BrokerErrorsTest, LeavesOutTheDurationInAText) {
    hear(refused,
         "sasl_ssl://a:9092/bootstrap: Invalid username or password (after 312ms in state AUTH_REQ)");
    EXPECT_STREQ(errors.worst(), "sasl_ssl://a:9092/bootstrap: Invalid username or password");
}

TEST_F(BrokerErrorsTest, PrefersARefusalToALostConnection) {
    hear(lost, "a: refused");
    hear(refused, "b: wrong password");
    hear(lost, "a: refused");
    EXPECT_STREQ(errors.worst(), "b: wrong password");
    hear(RD_KAFKA_RESP_ERR__SSL, "c: certificate");
    EXPECT_STREQ(errors.worst(), "b: wrong password") << "the first refusal is shown until it is forgotten";
}

TEST_F(BrokerErrorsTest, StaysWithTheFirstOfSeveralBrokers) {
    hear(lost, "a: refused");
    hear(lost, "b: refused", 1);
    EXPECT_STREQ(errors.worst(), "a: refused");
}

TEST_F(BrokerErrorsTest, PrefersAReasonToADisconnection) {
    hear(lost, "a:9092/1: Disconnected (after 5ms in state UP)");
    hear(lost, "a:9092/1: Connect to ipv4#a failed: Connection refused");
    hear(lost, "a:9092/1: Disconnected");
    EXPECT_STREQ(errors.worst(), "a:9092/1: Connect to ipv4#a failed: Connection refused");
}

TEST_F(BrokerErrorsTest, DropsAnErrorThatIsNotRepeated) {
    hear(refused, "a: wrong password");
    hear(lost, "b: refused", 30);
    hear(refused, "a: wrong password", 40);
    hear(lost, "b: refused", 90);
    EXPECT_STREQ(errors.worst(), "a: wrong password");
    hear(lost, "b: refused", 101);
    EXPECT_STREQ(errors.worst(), "b: refused");
}

TEST_F(BrokerErrorsTest, ForgetsAnErrorWhenABrokerAnswers) {
    hear(refused, "a: wrong password");
    errors.forget();
    EXPECT_STREQ(errors.worst(), "");
    hear(lost, "b: refused");
    EXPECT_STREQ(errors.worst(), "b: refused");
}

TEST_F(BrokerErrorsTest, CutsALongText) {
    hear(lost, std::string(5000, 'x').c_str());
    EXPECT_EQ(std::string(errors.worst()).find_first_not_of('x'), std::string::npos);
    EXPECT_LT(std::string(errors.worst()).size(), 384U);
}

TEST_F(BrokerErrorsTest, FindsTheErrorOfABrokerByItsId) {
    hear(lost, "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in "
               "state CONNECT)");
    hear(lost, "sasl_ssl://[::1]:9093/12: Disconnected");
    hear(lost, "127.0.0.1:9094/bootstrap: Connection refused");
    hear(lost, "no name");
    EXPECT_STREQ(errors.of(1), "Connect to ipv4#127.0.0.1:9092 failed: Connection refused");
    EXPECT_STREQ(errors.of(12), "Disconnected");
    EXPECT_STREQ(errors.of(2), "");
    EXPECT_STREQ(errors.of(-1), "");
    errors.forget();
    EXPECT_STREQ(errors.of(1), "Connect to ipv4#127.0.0.1:9092 failed: Connection refused")
        << "only another broker has answered";
    errors.forget(1);
    EXPECT_STREQ(errors.of(1), "");
    EXPECT_STREQ(errors.of(12), "Disconnected");
}

TEST_F(BrokerErrorsTest, KeepsTheNewestErrorsOfManyBrokers) {
    for (int id = 0; id < 100; id++)
        hear(lost, ("a:9092/" + std::to_string(id) + ": gone").c_str());
    EXPECT_STREQ(errors.of(99), "gone");
    EXPECT_STREQ(errors.of(0), "");
}

} // namespace
} // namespace heartbeat
