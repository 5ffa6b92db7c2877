// Unit tests: the redaction removes the values of the properties file from librdkafka's texts.
#include "kafka/redaction.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace heartbeat {
namespace {

std::string redacted(const std::vector<FileProperty> &properties, const std::string &text) {
    Redactor redactor;
    redactor.learn(properties);
    return redactor.redact(text);
}

TEST(Redaction, ShowsThePropertyInPlaceOfItsValue) {
    EXPECT_EQ(redacted({{1, "ssl.keystore.location", "/etc/secret.p12"}},
                       "calling fopen(/etc/secret.p12, rb): /etc/secret.p12"),
              "calling fopen((ssl.keystore.location), rb): (ssl.keystore.location)");
    EXPECT_EQ(redacted({}, "nothing to hide"), "nothing to hide");
}

TEST(Redaction, ReplacesTheLongestMatchingValue) {
    std::vector<FileProperty> properties = {{1, "sasl.username", "hushhush"},
                                            {2, "sasl.password", "hushhush-very"},
                                            {3, "client.rack", "hushhush-very-much"}};
    EXPECT_EQ(redacted(properties, "a hushhush-very-much b hushhush-very c hushhush d"),
              "a (client.rack) b (sasl.password) c (sasl.username) d");
}

TEST(Redaction, HidesTheElementsOfAList) {
    std::vector<FileProperty> properties = {{1, "partition.assignment.strategy", "range, zyxwv"},
                                            {2, "ssl.curves.list", "X25519:qqcurve"}};
    EXPECT_EQ(redacted(properties, "Unsupported partition.assignment.strategy: zyxwv"),
              "Unsupported partition.assignment.strategy: (partition.assignment.strategy)");
    EXPECT_EQ(redacted(properties, "group 'qqcurve' cannot be set"),
              "group '(ssl.curves.list)' cannot be set");
}

TEST(Redaction, HidesTheLinesOfAKey) {
    FileProperty key = {1, "ssl.key.pem",
                        "-----BEGIN PRIVATE KEY-----\\nMC4CAQAwBQYDK2Vw\\nBCIEIabcdefgh==\\n"};
    EXPECT_EQ(redacted({key}, "line MC4CAQAwBQYDK2Vw is bad, so is BCIEIabcdefgh"),
              "line (ssl.key.pem) is bad, so is (ssl.key.pem)");
}

TEST(Redaction, HidesATruncatedValueAtTheEnd) {
    FileProperty location = {1, "ssl.ca.location", "/srv/very/secret/folder/ca.pem"};
    EXPECT_EQ(redacted({location}, "fopen(/srv/very/sec"), "fopen((ssl.ca.location)");
    EXPECT_EQ(redacted({location}, "x/sr"), "x/sr") << "too few bytes to recognize the value";
}

TEST(Redaction, LeavesHarmlessValues) {
    std::vector<FileProperty> properties = {{1, "security.protocol", "SASL_SSL"},
                                            {2, "sasl.mechanism", "PLAIN"},
                                            {3, "socket.timeout.ms", "6000"},
                                            {4, "socket.keepalive.enable", "true"},
                                            {5, "ssl.key.password", ""}};
    const std::string text = "SASL_SSL PLAIN 6000 true";
    EXPECT_EQ(redacted(properties, text), text);
}

TEST(Redaction, HidesANumberThatIsAPassword) {
    EXPECT_EQ(redacted({{1, "sasl.password", "48151623"}}, "user 48151623"), "user (sasl.password)");
}

// A value can be an ordinary word that librdkafka's own texts also contain. The redactor must not replace
// this word in librdkafka's own texts. If the redactor replaced this word there, a person could guess the
// replaced word, and so would know the value.
TEST(Redaction, LeavesOrdinaryWordsUnlessTheyAreQuotedAsAValue) {
    for (const char *word : {"broker", "a", "Authentication", "Connection refused", "failed"}) {
        FileProperty password = {1, "sasl.password", word};
        const std::string text =
            "127.0.0.1:9092/bootstrap: SASL authentication error: Authentication failed: a "
            "broker says Connection refused (after 1ms in state AUTH_REQ)";
        EXPECT_EQ(redacted({password}, text), text) << word;
        EXPECT_EQ(redacted({password}, std::string("value \"") + word + "\" of"),
                  "value \"(sasl.password)\" of");
        EXPECT_EQ(redacted({password}, std::string("sasl.password=") + word),
                  "sasl.password=(sasl.password)");
        EXPECT_EQ(redacted({password}, std::string("sasl.password: ") + word),
                  "sasl.password: (sasl.password)");
    }
}

TEST(Redaction, LeavesAShortValueWithinAWord) {
    EXPECT_EQ(redacted({{1, "sasl.password", "zq7"}}, "azq7b zq7 zq7b"), "azq7b (sasl.password) zq7b");
    EXPECT_EQ(redacted({{1, "sasl.password", "zq7zq7zq"}}, "azq7zq7zqb"), "a(sasl.password)b");
}

TEST(Redaction, FindsAValueThatIsNotUtf8) {
    EXPECT_EQ(redacted({{1, "sasl.password", "p\xff\x1bw-1"}}, "x p\xff\x1bw-1"), "x (sasl.password)");
}

TEST(Redaction, EscapesAndCutsTheShownText) {
    Redactor redactor;
    char text[16];
    redactor.show(text, sizeof(text), "\x1b[2J\xff ééééééé");
    EXPECT_STREQ(text, "\\x1b[2J\\xff é");
    redactor.show(text, sizeof(text), nullptr);
    EXPECT_STREQ(text, "");
}

} // namespace
} // namespace heartbeat
