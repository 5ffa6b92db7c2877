// Unit tests: the Kafka client's configuration, from settings and from the user's file of properties.
#include "stream/kafka_config.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <librdkafka/rdkafka.h>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace heartbeat {
namespace {

class KafkaConfigTest : public testing::Test {
  protected:
    KafkaConfigTest() {
        char name[] = "/tmp/heartbeat-config.XXXXXX";
        close(mkstemp(name));
        path = name;
    }
    ~KafkaConfigTest() override {
        unlink(path.c_str());
        if (config != nullptr)
            rd_kafka_conf_destroy(config);
    }
    bool create(const std::string &properties, mode_t mode = 0600) {
        std::ofstream(path) << properties;
        chmod(path.c_str(), mode);
        config = kafka_config_create({"broker:9092", "topic", "group", path.c_str(), "client"}, &problem);
        return config != nullptr;
    }
    std::string get(const char *name) const {
        char value[256];
        size_t size = sizeof(value);
        return rd_kafka_conf_get(config, name, value, &size) == RD_KAFKA_CONF_OK ? value : "(unknown)";
    }

    std::string path;
    rd_kafka_conf_t *config = nullptr;
    Problem problem{};
};

TEST_F(KafkaConfigTest, TakesTheSettings) {
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("bootstrap.servers"), "broker:9092");
    EXPECT_EQ(get("group.id"), "group");
    EXPECT_EQ(get("client.id"), "client");
}

TEST_F(KafkaConfigTest, FixesWhatTheGuaranteesRestOn) {
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("enable.auto.commit"), "false");
    EXPECT_EQ(get("enable.auto.offset.store"), "false");
    EXPECT_EQ(get("isolation.level"), "read_committed");
    EXPECT_EQ(get("auto.offset.reset"), "error");
}

TEST_F(KafkaConfigTest, TakesTuningFromTheFile) {
    ASSERT_TRUE(create("# tuning\n! another comment\n\n  fetch.wait.max.ms = 50 \r\nsasl.password=a=b c\n"))
        << problem.text;
    EXPECT_EQ(get("fetch.wait.max.ms"), "50");
    EXPECT_EQ(get("sasl.password"), "a=b c");
}

TEST_F(KafkaConfigTest, RefusesWhatIsNotTheFilesToSay) {
    for (const char *name : {"group.id", "bootstrap.servers", "enable.auto.commit", "isolation.level"}) {
        EXPECT_FALSE(create(std::string("linger.ms=5\n") + name + "=x\n"));
        EXPECT_NE(std::string(problem.text).find(name), std::string::npos) << problem.text;
        EXPECT_NE(std::string(problem.text).find("line 2"), std::string::npos) << problem.text;
    }
}

TEST_F(KafkaConfigTest, NamesAnUnknownProperty) {
    EXPECT_FALSE(create("no.such.property=1\n"));
    EXPECT_NE(std::string(problem.text).find("no.such.property"), std::string::npos) << problem.text;
}

TEST_F(KafkaConfigTest, NeverShowsAValue) {
    EXPECT_FALSE(create("fetch.wait.max.ms=secret-value\n"));
    EXPECT_NE(std::string(problem.text).find("fetch.wait.max.ms"), std::string::npos) << problem.text;
    EXPECT_EQ(std::string(problem.text).find("secret-value"), std::string::npos) << problem.text;
    EXPECT_FALSE(create("secret-value\n"));
    EXPECT_EQ(std::string(problem.text).find("secret-value"), std::string::npos) << problem.text;
}

TEST_F(KafkaConfigTest, RefusesAFileThatIsOpenToOthers) {
    for (mode_t mode : {0644U, 0604U, 0660U, 0602U}) {
        EXPECT_FALSE(create("linger.ms=5\n", mode)) << std::oct << mode;
        EXPECT_NE(std::string(problem.text).find("0600"), std::string::npos) << problem.text;
    }
    EXPECT_TRUE(create("linger.ms=5\n", 0640)) << problem.text;
}

TEST_F(KafkaConfigTest, NamesAFileThatIsNotThere) {
    config = kafka_config_create({"b:1", "t", "g", "/nonexistent/properties", "c"}, &problem);
    EXPECT_EQ(config, nullptr);
    EXPECT_NE(std::string(problem.text).find("/nonexistent/properties"), std::string::npos) << problem.text;
}

} // namespace
} // namespace heartbeat
