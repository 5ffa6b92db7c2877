// Unit tests of the generator: the properties of a schema registry, and its answers.
#include "layout.h"
#include "registry_answer.h"
#include "registry_settings.h"
#include "schema_registry.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace heartbeat::generator {
namespace {

TEST(Registry, TakesItsPropertiesAwayFromKafka) {
    std::vector<std::string> properties{"schema.registry.basic.auth.user.info=me:a=b", "linger.ms=5",
                                        "schema.registry.ssl.ca.location=/ca"};
    const RegistrySettings settings = registry_settings_take(&properties);
    EXPECT_EQ(properties, std::vector<std::string>{"linger.ms=5"});
    EXPECT_EQ(settings.user_info, "me:a=b");
    EXPECT_EQ(settings.ca_file, "/ca");
}

std::string mistake_of(std::vector<std::string> properties) {
    try {
        registry_settings_take(&properties);
    } catch (const LayoutError &error) {
        return error.what();
    }
    return "";
}

TEST(Registry, RefusesAnUnknownPropertyWithoutItsValue) {
    const std::string mistake = mistake_of({"schema.registry.password=hidden"});
    EXPECT_NE(mistake.find("schema.registry.password: there is no such property"), std::string::npos)
        << mistake;
    EXPECT_NE(mistake.find("schema.registry.ssl.key.location"), std::string::npos) << mistake;
    EXPECT_EQ(mistake.find("hidden"), std::string::npos) << mistake;
    EXPECT_NE(mistake_of({"schema.registry.basic.auth.user.info=a:b", "schema.registry.bearer.auth.token=c"})
                  .find("not both"),
              std::string::npos);
}

std::string reason_of(long status, const std::string &answer, const RegistrySettings &settings = {}) {
    try {
        registry_answer_id(status, answer, settings);
    } catch (const RegistryError &error) {
        return error.what();
    }
    return "";
}

TEST(Registry, ReadsTheIdOfAnAnswer) {
    EXPECT_EQ(registry_answer_id(200, R"({"id":2147483647})", {}), 2147483647U);
    EXPECT_EQ(reason_of(200, "<html>"),
              "the registry answered with HTTP status 200, but without the id of the schema");
    EXPECT_NE(reason_of(200, R"({"id":2147483648})"), "");
    EXPECT_NE(reason_of(200, R"({"id":"1"})"), "");
    EXPECT_EQ(reason_of(401, ""), "the registry answered with HTTP status 401");
    EXPECT_EQ(reason_of(500, R"({"id":1})"), "the registry answered with HTTP status 500");
}

TEST(Registry, ShowsAReasonWithoutSecrets) {
    RegistrySettings settings;
    settings.user_info = "me:secret";
    EXPECT_EQ(reason_of(422, R"({"message":"no secret\n\u001b here"})", settings),
              "the registry answered with HTTP status 422: no ***?? here");
    EXPECT_LT(reason_of(422, "{\"message\":\"" + std::string(5000, 'x') + "\"}").size(), 400U);
}

} // namespace
} // namespace heartbeat::generator
