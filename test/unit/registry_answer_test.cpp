// Unit tests: the answers of a schema registry, and the order of references.
#include "registry/module/registry_answer.h"
#include "registry/module/registry_references.h"

#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace heartbeat {
namespace {

std::string mistake_of(const std::string &body) {
    RegisteredSchema schema;
    const char *mistake = registry_answer_parse(body, &schema);
    return mistake == nullptr ? "" : mistake;
}

TEST(RegistryAnswer, ReadsASchema) {
    RegisteredSchema schema;
    ASSERT_EQ(registry_answer_parse(R"({"schema": "\"int\"", "id": 7, "new": [{}]})", &schema), nullptr);
    EXPECT_EQ(schema.type, RegistrySchemaType::avro);
    EXPECT_EQ(schema.text, "\"int\"");
    EXPECT_TRUE(schema.references.empty());
}

TEST(RegistryAnswer, ReadsTheTypeAndTheReferences) {
    RegisteredSchema schema;
    ASSERT_EQ(registry_answer_parse(R"({"schemaType": "PROTOBUF", "schema": "x", "references":
                  [{"name": "a.proto", "subject": "s", "version": 3}]})",
                                    &schema),
              nullptr);
    EXPECT_EQ(schema.type, RegistrySchemaType::protobuf);
    EXPECT_EQ(schema.references, (std::vector<AnswerReference>{{"a.proto", "s", 3}}));
    ASSERT_EQ(registry_answer_parse(R"({"schemaType": null, "schema": "x", "references": null})", &schema),
              nullptr);
    EXPECT_EQ(schema.type, RegistrySchemaType::avro);
    EXPECT_TRUE(schema.references.empty());
}

TEST(RegistryAnswer, RefusesAnswersWithoutASchema) {
    for (const char *body :
         {"", "[]", "7", "<html>", "{", R"({"schema": 7})", R"({"schema": ""})", "{}",
          R"({"schema": "a\u0000b"})", R"({"schema": "x", "schemaType": "XML"})",
          R"({"schema": "x", "schemaType": 1})", R"({"schema": "x", "references": {}})",
          R"({"schema": "x", "references": [1]})", R"({"schema": "x", "references": [{"name": "a"}]})",
          R"({"schema": "x", "references": [{"name": "a", "subject": "s", "version": 0}]})",
          R"({"schema": "x", "references": [{"name": "a", "subject": "s", "version": "1"}]})",
          R"({"schema": "x", "references": [{"name": "", "subject": "s", "version": 1}]})",
          "{\"schema\": \"\xFF\"}"})
        EXPECT_NE(mistake_of(body), "") << body;
    EXPECT_NE(mistake_of(std::string(100000, '[')), "");
}

TEST(RegistryAnswer, ReadsTheErrorCode) {
    EXPECT_EQ(registry_answer_error(R"({"error_code": 40403, "message": "Schema not found"})"), 40403);
    for (const char *body : {"", "40403", "<html>40403</html>", R"({"error_code": "40403"})", "[]"})
        EXPECT_EQ(registry_answer_error(body), 0) << body;
}

TEST(RegistryAnswer, EncodesAPartOfAPath) {
    auto encoded = [](const char *part) {
        std::string path;
        registry_path_append(&path, part);
        return path;
    };
    EXPECT_EQ(encoded("heart-value_1.x~"), "heart-value_1.x~");
    EXPECT_EQ(encoded("a/b?c#d e%"), "a%2Fb%3Fc%23d%20e%25");
    EXPECT_EQ(encoded("\xC3\xA4\r\n"), "%C3%A4%0D%0A");
    EXPECT_EQ(encoded(".."), "%2E%2E");
    EXPECT_EQ(encoded("..a"), "..a");
}

RegisteredSchema schema_with(std::vector<AnswerReference> references) {
    return {RegistrySchemaType::avro, "x", std::move(references)};
}

TEST(RegistryReferences, SortsEachReferenceAfterItsOwnReferences) {
    RegistryReferences references;
    ASSERT_EQ(references.next(), RegistryReferences::root);
    ASSERT_EQ(references.store(0, schema_with({{"a", "s", 1}, {"b", "s", 2}})), nullptr);
    ASSERT_EQ(references.store(1, schema_with({{"c", "s", 3}})), nullptr);
    ASSERT_EQ(references.store(2, schema_with({})), nullptr);
    ASSERT_EQ(references.store(3, schema_with({{"b", "s", 2}})), nullptr);
    ASSERT_EQ(references.next(), references.size());
    std::vector<size_t> order;
    ASSERT_EQ(references.sort(&order), nullptr);
    EXPECT_EQ(order, (std::vector<size_t>{2, 3, 1}));
}

TEST(RegistryReferences, RefusesACycle) {
    RegistryReferences references;
    references.store(0, schema_with({{"a", "s", 1}}));
    references.store(1, schema_with({{"a", "s", 1}}));
    std::vector<size_t> order;
    EXPECT_NE(references.sort(&order), nullptr);
}

TEST(RegistryReferences, RefusesTwoSchemasWithOneName) {
    RegistryReferences references;
    EXPECT_NE(references.store(0, schema_with({{"a", "s", 1}, {"a", "s", 2}})), nullptr);
}

TEST(RegistryReferences, BoundsTheNumberAndTheSize) {
    RegistryReferences references;
    size_t stored = 0;
    while (references.next() < references.size() && stored < 1000)
        if (references.store(references.next(), schema_with({{std::to_string(stored), "s",
                                                              static_cast<int64_t>(++stored)}})) != nullptr)
            break;
    EXPECT_EQ(stored, answer_references_max + 1);
    RegistryReferences large;
    RegisteredSchema schema = schema_with({});
    schema.text.assign(5 << 20, 'x');
    EXPECT_EQ(large.store(0, schema), nullptr);
    EXPECT_NE(large.store(0, schema), nullptr);
}

} // namespace
} // namespace heartbeat
