// Unit tests: the configuration of the consumer client, from settings and from the user's properties file.
#include "kafka/kafka_config.h"
#include "kafka/properties_file.h"
#include "kafka/redaction.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <initializer_list>
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
    ~KafkaConfigTest() override { unlink(path.c_str()); }
    bool create(const std::string &properties, mode_t mode = 0600) {
        std::ofstream(path) << properties;
        chmod(path.c_str(), mode);
        KafkaSettings settings{"broker:9092", "topic", "group", path.c_str(), "client"};
        settings.fetch_wait_ms = fetch_wait_ms;
        config = kafka_config_create(settings, &error);
        return config != nullptr;
    }
    // Expects that heartbeat refuses the properties. The error must have the given words, and no part of a
    // value.
    void expect_refused(const std::string &properties, std::initializer_list<const char *> words) {
        EXPECT_FALSE(create(properties)) << properties;
        for (const char *word : words)
            EXPECT_NE(std::string(error.text).find(word), std::string::npos) << word << ": " << error.text;
        for (const char *word : {"secret", "evil", "touch", "MC4C"})
            EXPECT_EQ(std::string(error.text).find(word), std::string::npos) << error.text;
    }
    std::string get(const char *name) const {
        char value[256];
        size_t size = sizeof(value);
        return rd_kafka_conf_get(config.get(), name, value, &size) == RD_KAFKA_CONF_OK ? value : "(unknown)";
    }

    int fetch_wait_ms = 0;
    std::string path;
    ConfigPointer config;
    Error error{};
};

TEST_F(KafkaConfigTest, UsesTheSettings) {
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("bootstrap.servers"), "broker:9092");
    EXPECT_EQ(get("group.id"), "group");
    EXPECT_EQ(get("client.id"), "client");
}

TEST_F(KafkaConfigTest, FixesThePropertiesThatGuaranteesNeed) {
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("enable.auto.commit"), "false");
    EXPECT_EQ(get("enable.auto.offset.store"), "false");
    EXPECT_EQ(get("isolation.level"), "read_committed");
    EXPECT_EQ(get("auto.offset.reset"), "error");
}

TEST_F(KafkaConfigTest, UsesThePropertiesOfTheFile) {
    ASSERT_TRUE(create("# tuning\n! another comment\n\n  fetch.wait.max.ms = 50 \r\nsasl.password=a=b c\n"))
        << error.text;
    EXPECT_EQ(get("fetch.wait.max.ms"), "50");
    EXPECT_EQ(get("sasl.password"), "a=b c");
}

TEST_F(KafkaConfigTest, WaitsForMessagesAsTheFileOrTheSettingsSay) {
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("fetch.wait.max.ms"), "500"); // librdkafka's default
    fetch_wait_ms = 3000;
    ASSERT_TRUE(create(""));
    EXPECT_EQ(get("fetch.wait.max.ms"), "3000");
    ASSERT_TRUE(create("fetch.wait.max.ms=50\n"));
    EXPECT_EQ(get("fetch.wait.max.ms"), "50");
}

TEST_F(KafkaConfigTest, RefusesReservedProperties) {
    for (const char *name :
         {"group.id", "bootstrap.servers", "metadata.broker.list", "client.id", "enable.auto.commit",
          "isolation.level", "topic.auto.offset.reset", "auto.commit.enable", "offset.store.method",
          "offset.store.path", "topic.offset.store.path", "api.version.request", "enabled_events",
          "internal.termination.signal", "test.mock.num.brokers", "log.queue"})
        expect_refused(std::string("linger.ms=5\n") + name + "=1\n",
                       {name, "line 2", "heartbeat sets itself"});
}

TEST_F(KafkaConfigTest, RefusesPropertiesThatRunCodeInTheServer) {
    for (const char *name : {"plugin.library.paths", "ssl.engine.location", "ssl.engine.id", "ssl.providers",
                             "sasl.kerberos.kinit.cmd"})
        expect_refused(std::string(name) + "=/tmp/evil\n", {name, "line 1", "would run code in the server"});
    expect_refused("sasl.kerberos.keytab=/etc/heartbeat.keytab\nsasl.kerberos.principal=x; touch /tmp/y\n",
                   {"line 2", "sasl.kerberos.principal", "shell"});
    expect_refused("sasl.kerberos.keytab=$(touch /tmp/y)\n", {"line 1", "sasl.kerberos.keytab"});
    EXPECT_TRUE(create("sasl.kerberos.keytab=/etc/heartbeat.keytab\n"
                       "sasl.kerberos.principal=heartbeat/db-1@EXAMPLE.ORG\n"))
        << error.text;
}

// If a value begins with -, kinit would treat this value as an option. For example, the option -c names a
// file to which kinit writes.
TEST_F(KafkaConfigTest, RefusesAnOptionOfKinit) {
    for (const char *name : {"sasl.kerberos.keytab", "sasl.kerberos.principal"})
        for (const char *value : {"-c/tmp/evil", "-", "--evil"})
            expect_refused(std::string(name) + "=" + value + "\n", {"line 1", name, "begins with -"});
}

TEST_F(KafkaConfigTest, RefusesPropertiesThatMayBeUnsafe) {
    for (const char *name : {"builtin.features", "opaque", "log_cb"})
        expect_refused(std::string(name) + "=evil\n", {"line 1"});
    expect_refused("builtin.features=evil\n",
                   {"builtin.features", "not in heartbeat's list of safe properties"});
    expect_refused("sasl.oauthbearer.token.endpoint.url=file:///evil\n", {"line 1", "https://"});
    if (!create("sasl.oauthbearer.token.endpoint.url=https://login.example/token\n")) { // built without curl
        EXPECT_EQ(std::string(error.text).find("https://"), std::string::npos) << error.text;
    }
    EXPECT_TRUE(create("topic.blacklist=^_\nclient.rack=a b\nsocket.keepalive.enable=true\nlinger.ms=2.5\n"
                       "partition.assignment.strategy=roundrobin\n"))
        << error.text;
}

// heartbeat must accept each text property of the installed librdkafka, or refuse the property for a listed
// reason. heartbeat must not report the property as unknown.
TEST_F(KafkaConfigTest, KnowsThePropertiesOfThisLibrdkafka) {
    size_t count;
    const ConfigPointer all(rd_kafka_conf_new());
    const char **names = rd_kafka_conf_dump(all.get(), &count);
    for (size_t i = 0; i < count; i += 2) {
        std::string name = names[i];
        if (name == "builtin.features" || name.find("_cb") != std::string::npos)
            continue;
        if (!create(name + "=x\n")) {
            EXPECT_EQ(std::string(error.text).find("does not know"), std::string::npos) << error.text;
        }
    }
    rd_kafka_conf_dump_free(names, count);
}

TEST_F(KafkaConfigTest, PassesTheValuesToTheRedactor) {
    std::ofstream(path) << "ssl.keystore.location=/etc/heartbeat/client.p12\n";
    chmod(path.c_str(), 0600);
    Redactor redactor;
    config =
        kafka_config_create({"broker:9092", "topic", "group", path.c_str(), "client"}, &error, &redactor);
    EXPECT_EQ(redactor.redact("fopen('/etc/heartbeat/client.p12')"), "fopen('(ssl.keystore.location)')");
}

TEST_F(KafkaConfigTest, NamesAnUnknownProperty) {
    expect_refused("no.such.property=1\n", {"no.such.property", "line 1", "librdkafka does not have"});
}

TEST_F(KafkaConfigTest, NeverShowsAValue) {
    expect_refused("fetch.wait.max.ms=secret-value\n", {"fetch.wait.max.ms"});
    for (const char *text : {"secret-value\n", "=secret-value\n", "sasl.password secret-value\n",
                             "sasl.password: secret-value=\n", "secret-value = x\n", "secret value.of=x\n",
                             "sasl.password=\nsecretvalue=\n",
                             "ssl.key.pem=-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIsecretA==\n",
                             "security.protocol=secret-value\n", "sasl.mechanism=secret-value\n",
                             "enable.sasl.oauthbearer.unsecure.jwt=true\nsasl.oauthbearer.config=secret\n",
                             "fetch.wait.max.ms=1\nenable.auto.commit=secret-value\n",
                             "plugin.library.paths=secret-value\n", "sasl.kerberos.keytab=secret value\n"})
        expect_refused(text, {"line "});
}

TEST_F(KafkaConfigTest, RefusesAFileThatIsOpenToOthers) {
    for (mode_t mode : {0644U, 0604U, 0660U, 0602U}) {
        EXPECT_FALSE(create("linger.ms=5\n", mode)) << std::oct << mode;
        EXPECT_NE(std::string(error.text).find("0600"), std::string::npos) << error.text;
    }
    EXPECT_TRUE(create("linger.ms=5\n", 0640)) << error.text;
}

TEST_F(KafkaConfigTest, RefusesAPathWithoutARegularFile) {
    for (const char *other : {"/nonexistent/properties", "/tmp", "/dev/null"}) {
        config = kafka_config_create({"b:1", "t", "g", other, "c"}, &error);
        EXPECT_EQ(config, nullptr);
        EXPECT_NE(std::string(error.text).find("heartbeat.kafka_config_file"), std::string::npos);
        EXPECT_EQ(std::string(error.text).find(other), std::string::npos)
            << "only a superuser may see the path: " << error.text;
    }
}

TEST_F(KafkaConfigTest, DoesNotWaitForAPipe) {
    unlink(path.c_str());
    ASSERT_EQ(mkfifo(path.c_str(), 0600), 0);
    config = kafka_config_create({"b:1", "t", "g", path.c_str(), "c"}, &error);
    EXPECT_EQ(config, nullptr);
    EXPECT_NE(std::string(error.text).find("regular file"), std::string::npos) << error.text;
}

// For a link, heartbeat checks the owner and the mode of the link's target, because orchestrators mount
// secrets as links.
TEST_F(KafkaConfigTest, FollowsALink) {
    std::string link = path + ".link";
    ASSERT_TRUE(create("fetch.wait.max.ms=50\n"));
    ASSERT_EQ(symlink(path.c_str(), link.c_str()), 0);
    config = kafka_config_create({"b:1", "t", "g", link.c_str(), "c"}, &error);
    EXPECT_NE(config, nullptr) << error.text;
    chmod(path.c_str(), 0644);
    EXPECT_EQ(kafka_config_create({"b:1", "t", "g", link.c_str(), "c"}, &error), nullptr);
    unlink(link.c_str());
}

// librdkafka reads the name of a property only to the first zero byte, so a zero byte could hide a forbidden
// name.
TEST_F(KafkaConfigTest, RefusesAZeroByte) {
    using std::string_literals::operator""s;
    for (const std::string &text : {"plugin.library.paths\0x=/tmp/evil\n"s, "linger.ms=5\n\0"s})
        expect_refused(text, {"heartbeat.kafka_config_file", "zero byte"});
}

TEST_F(KafkaConfigTest, RefusesAnEndlessFile) {
    EXPECT_FALSE(create(std::string(2 << 20, '#')));
    EXPECT_NE(std::string(error.text).find("1 MiB"), std::string::npos) << error.text;
}

TEST(PropertiesFile, BelongsToTheServerOrToRoot) {
    struct stat status = {};
    status.st_mode = S_IFREG | 0600;
    status.st_uid = 1234;
    EXPECT_EQ(properties_find_exposure(status, 1234), nullptr);
    EXPECT_NE(properties_find_exposure(status, 1235), nullptr);
    EXPECT_NE(properties_find_exposure(status, 0), nullptr);
    status.st_uid = 0;
    EXPECT_EQ(properties_find_exposure(status, 1235), nullptr);
}

} // namespace
} // namespace heartbeat
