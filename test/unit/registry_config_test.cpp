// Unit tests: the properties for the schema registry. These properties are in the same file as the properties
// for librdkafka.
#include "kafka/kafka_config.h"
#include "kafka/redaction.h"
#include "registry/registry_config.h"

#include <cstdlib>
#include <fstream>
#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

namespace heartbeat {
namespace {

using ConfigOwner = std::unique_ptr<RegistryConfig, Deleter<registry_config_free>>;

class RegistryConfigTest : public testing::Test {
  protected:
    RegistryConfigTest() {
        char name[] = "/tmp/heartbeat-config.XXXXXX";
        close(mkstemp(name));
        path = name;
    }
    ~RegistryConfigTest() override { unlink(path.c_str()); }

    bool read(const std::string &properties) {
        std::ofstream(path) << properties;
        chmod(path.c_str(), 0600);
        KafkaSettings settings{"broker:9092", "topic", "group", path.c_str(), "client"};
        Error kafka_error{};
        kafka_accepts = kafka_config_create(settings, &kafka_error) != nullptr;
        config.reset(registry_config_read(settings, &error));
        if (config != nullptr)
            options = registry_config_options(config.get());
        return config != nullptr;
    }
    void expect_refused(const std::string &properties, const char *word) {
        EXPECT_FALSE(read(properties)) << properties;
        EXPECT_NE(std::string(error.text).find(word), std::string::npos) << error.text;
        EXPECT_EQ(std::string(error.text).find("secret"), std::string::npos) << error.text;
    }

    std::string path;
    ConfigOwner config;
    RegistryOptions options;
    bool kafka_accepts = false;
    Error error{};
};

TEST_F(RegistryConfigTest, HasDefaults) {
    ASSERT_TRUE(read("sasl.username=a\nsasl.password=b\n"));
    EXPECT_STREQ(options.user_info, "");
    EXPECT_STREQ(options.bearer_token, "");
    EXPECT_STREQ(options.ca_file, "");
    EXPECT_TRUE(options.check_host);
}

TEST_F(RegistryConfigTest, ReadsTheProperties) {
    ASSERT_TRUE(read("schema.registry.basic.auth.user.info=user:pass:word\n"
                     "schema.registry.ssl.ca.location=/ca.pem\n"
                     "schema.registry.ssl.certificate.location=/own.pem\n"
                     "schema.registry.ssl.key.location=/own.key\n"
                     "schema.registry.ssl.key.password=pass\n"
                     "schema.registry.ssl.endpoint.identification.algorithm=none\n"
                     "ssl.ca.location=/kafka.pem\n"))
        << error.text;
    EXPECT_STREQ(options.user_info, "user:pass:word");
    EXPECT_STREQ(options.ca_file, "/ca.pem");
    EXPECT_STREQ(options.certificate_file, "/own.pem");
    EXPECT_STREQ(options.key_file, "/own.key");
    EXPECT_STREQ(options.key_password, "pass");
    EXPECT_FALSE(options.check_host);
    EXPECT_TRUE(kafka_accepts); // heartbeat passes no property of the registry to librdkafka
}

TEST_F(RegistryConfigTest, ReadsNamesWithoutThePrefix) {
    ASSERT_TRUE(read("basic.auth.credentials.source=USER_INFO\nbasic.auth.user.info=a:b\n"));
    EXPECT_STREQ(options.user_info, "a:b");
    EXPECT_TRUE(kafka_accepts);
    ASSERT_TRUE(read("bearer.auth.credentials.source=STATIC_TOKEN\nbearer.auth.token=abc\n"));
    EXPECT_STREQ(options.bearer_token, "abc");
    EXPECT_TRUE(kafka_accepts);
}

TEST_F(RegistryConfigTest, InheritsTheCredentialsOfKafka) {
    const char inherit[] = "schema.registry.basic.auth.credentials.source=SASL_INHERIT\n";
    ASSERT_TRUE(read(std::string("sasl.username=a\nsasl.password=b:c\n") + inherit));
    EXPECT_STREQ(options.user_info, "a:b:c");
    expect_refused(inherit, "sasl.username");
}

TEST_F(RegistryConfigTest, RefusesWrongProperties) {
    for (const char *line :
         {"schema.registry.url=http://secret", "schema.registry.ssl.truststore.location=/secret.jks",
          "schema.registry.ssl.keystore.password=secret", "schema.registry.misspelt=secret",
          "basic.auth.user=secret", "bearer.auth.issuer.endpoint.url=secret", "basic.auth.user.info=secret",
          "basic.auth.user.info=:secret", "basic.auth.credentials.source=URL",
          "schema.registry.basic.auth.credentials.source=secret",
          "bearer.auth.credentials.source=OAUTHBEARER", "bearer.auth.token=secret token",
          "schema.registry.ssl.endpoint.identification.algorithm=secret"}) {
        expect_refused(line, "line 1 of heartbeat.kafka_config_file sets \"");
        // kafka_config_create() already reports the error, before a message needs the registry
        EXPECT_FALSE(kafka_accepts) << line;
    }
    expect_refused("schema.registry.ssl.truststore.type=secret", "PEM files");
    expect_refused("bearer.auth.token=secret\nbasic.auth.user.info=a:secret", "both a user and a token");
    expect_refused("schema.registry.ssl.key.location=/secret", "without");
    expect_refused("schema.registry.secret", "key=value");
}

TEST_F(RegistryConfigTest, HidesTheValues) {
    Redactor redactor;
    redactor.learn({{1, "schema.registry.basic.auth.user.info", "zaphod:12345"},
                    {2, "bearer.auth.token", "987654"},
                    {3, "basic.auth.credentials.source", "USER_INFO"}});
    EXPECT_EQ(redactor.redact("zaphod:12345 and 12345 and 987654 of USER_INFO"),
              "(schema.registry.basic.auth.user.info) and (schema.registry.basic.auth.user.info) and "
              "(bearer.auth.token) of USER_INFO");
}

} // namespace
} // namespace heartbeat
