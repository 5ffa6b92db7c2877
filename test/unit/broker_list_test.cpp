// Unit tests: which lists of bootstrap servers are legal, and the errors of illegal lists.
#include "kafka/broker_list.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

std::string mistake(const std::string &list) {
    char reason[256] = "";
    return broker_list_check(list.c_str(), reason, sizeof(reason)) ? std::string() : std::string(reason);
}

TEST(BrokerListTest, AcceptsListsThatLibrdkafkaAccepts) {
    for (const char *list : {"localhost",
                             "localhost:9092",
                             "kafka-1:9092,kafka-2:9093",
                             "a:1,b:65535",
                             "10.0.0.1:9092",
                             "10.0.0.1",
                             "[::1]:9092",
                             "[::1]",
                             "::1",
                             "fe80::1%eth0",
                             "[fe80::1%eth0]:9092",
                             "[::ffff:10.0.0.1]:9092",
                             " a:9092, b:9092",
                             "a:9092 ,b:9092 ",
                             "a:9092,,b:9092",
                             ",a:9092",
                             "a:9092,",
                             "under_score:9092",
                             "A.Example.COM.:09092",
                             "b\303\274cher:9092"})
        EXPECT_EQ(mistake(list), "") << list;
}

TEST(BrokerListTest, NamesTheMistake) {
    const struct {
        const char *list, *reason;
    } cases[] = {
        {"", "The list has no address of a broker."},
        {",", "The list has no address of a broker."},
        {"  ", "The list has no address of a broker."},
        {" , ,", "The list has no address of a broker."},
        {"kafka://a:9092",
         "\"kafka://a:9092\" is not the address of a broker: it begins with a protocol, which you set with "
         "security.protocol."},
        {"SSL://a:9092", "begins with a protocol"},
        {"PLAINTEXT://a:9092", "begins with a protocol"},
        {"://a:9092", "begins with a protocol"},
        {"http://a:9092/path", "begins with a protocol"},
        {"a:9092/path", "\"a:9092/path\" is not the address of a broker: it has a path."},
        {"a/b", "has a path"},
        {"me:secret@a:9092", "a user name"},
        {"a:99999", "\"a:99999\" is not the address of a broker: its port is not in the range 1 to 65535."},
        {"a:65536", "1 to 65535"},
        {"a:0", "1 to 65535"},
        {"a:00", "1 to 65535"},
        {"a:-1", "not a number"},
        {"a:18446744073709551617", "1 to 65535"},
        {"a:4294976388", "1 to 65535"},
        {"a:9092x", "not a number"},
        {"a: 9092", "not a number"},
        {"a:0x2384", "not a number"},
        {"a:", "its port is empty"},
        {":9092", "its host is missing"},
        {":", "its host is missing"},
        {"a b:9092", "an illegal character"},
        {"a ,b", "an illegal character"},
        {"a\t:9092", "\"a?:9092\" is not the address of a broker: its host has an illegal character"},
        {"\ta:9092", "an illegal character"},
        {"a\n:9092", "an illegal character"},
        {"'a':9092", "an illegal character"},
        {"a:9092;b:9092", "two colons and is not an IPv6 address"},
        {"a:9092 b:9092", "two colons"},
        {"a:9092:9093", "two colons"},
        {"::1::2", "two colons"},
        {"[::1", "bracket is not closed"},
        {"[a]:9092", "its brackets have no IPv6 address"},
        {"[]:9092", "its brackets have no IPv6 address"},
        {"[fe80::1%]:9092", "its brackets have no IPv6 address"},
        {"[::1]9092", "only a colon and a port"},
        {"[::1]:", "its port is empty"},
        {"[::1]:0", "1 to 65535"},
        {"::1]:9092", "two colons"},
        {"good:9092,bad:99999,good:9093", "\"bad:99999\""},
    };
    for (const auto &one : cases)
        EXPECT_NE(mistake(one.list).find(one.reason), std::string::npos)
            << one.list << ": " << mistake(one.list);
}

TEST(BrokerListTest, LimitsTheLengthOfItsTexts) {
    EXPECT_NE(mistake(std::string(256, 'a')).find("more than 255"), std::string::npos);
    EXPECT_LT(mistake(std::string(100000, 'a')).size(), 200U);
    char reason[8];
    EXPECT_FALSE(broker_list_check("a:0", reason, sizeof(reason)));
    EXPECT_EQ(std::string(reason), "\"a:0\" i");
}

} // namespace
} // namespace heartbeat
