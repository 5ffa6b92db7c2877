// Unit tests of the generator: the bytes of Protobuf messages, their schema, and the errors of templates that
// Protobuf cannot express.
#include "format_examples.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat::generator {
namespace {

TEST(Protobuf, WritesScalars) {
    EXPECT_EQ(protobuf_of(R"({"a": 300, "b": null, "c": true, "d": "x"})"),
              format_bytes({0x08, 0xac, 0x02, 0x10, 1, 0x1a, 1, 'x'}));
    EXPECT_EQ(protobuf_of(R"({"a": -1})"), format_bytes({0x08}) + std::string(9, '\xff') + '\1');
    EXPECT_EQ(protobuf_of(R"({"a": "${heart_rate}"})"),
              format_bytes({0x09, 0, 0, 0, 0, 0, 0x80, 0x52, 0x40}));
    EXPECT_EQ(protobuf_of(R"({"a": "${customer_id}"})"), format_bytes({0x0a, 9}) + "CUST-0007");
    EXPECT_EQ(protobuf_of("{}"), "");
}

TEST(Protobuf, WritesNestedValues) {
    EXPECT_EQ(protobuf_of(R"({"a": {"b": {"c": 5}}})"), format_bytes({0x0a, 4, 0x0a, 2, 0x08, 5}));
    EXPECT_EQ(protobuf_of(R"({"a": {"b": "${device_number}"}})"), format_bytes({0x0a, 2, 0x08, 2}));
    EXPECT_EQ(protobuf_of(R"({"a": {"b": ")" + std::string(200, 'x') + R"(${uuid}"}})").substr(0, 6),
              format_bytes({0x0a, 0xef, 0x01, 0x0a, 0xec, 0x01}));
    EXPECT_EQ(protobuf_of(R"({"a": {"$repeat": 3, "$each": "${offset:s}"}})"),
              format_bytes({0x0a, 3, 0, 1, 3}));
    EXPECT_EQ(protobuf_of(R"({"a": {"$repeat": 2, "$each": {"o": "${offset:s}"}}})"),
              format_bytes({0x0a, 2, 0x08, 0, 0x0a, 2, 0x08, 1}));
    EXPECT_EQ(protobuf_of(R"({"a": ["x", "y"]})"), format_bytes({0x0a, 1, 'x', 0x0a, 1, 'y'}));
    EXPECT_EQ(protobuf_of(R"({"a": {"$repeat": 2, "$name": "${offset:s}", "$each": 5}})"),
              format_bytes({0x0a, 5, 0x0a, 1, '0', 0x10, 5, 0x0a, 5, 0x0a, 1, '1', 0x10, 5}));
}

TEST(Protobuf, DerivesASchema) {
    const TemplateTree tree = format_tree(
        R"({"heart-rate": 1, "nothing": null, "m": {"${uuid}": {"x": 1.5}}, "userId": "u", "Message": {"x": []}})");
    EXPECT_EQ(protobuf_schema_of(shape_of(tree.value, "t"), "t"), R"(syntax = "proto3";
package heartbeat.generator;

message Message {
  int64 heart_rate = 1 [json_name = "heart-rate"];
  map<string, .heartbeat.generator.Message_m> m = 2;
  string userId = 3;
  .heartbeat.generator.Message_Message Message = 4;
}

message Message_m {
  double x = 1;
}

message Message_Message {
  repeated string x = 1;
}
)");
}

TEST(Protobuf, NamesThePlaceOfAMistake) {
    const std::pair<std::string, std::string> mistakes[] = {
        {"1", "t: at /value: a Protobuf message must be an object"},
        {R"({"${uuid}": 1})", "t: at /value: a Protobuf message must be an object with fixed names"},
        {R"({"a": [[1]]})", "t: at /value/a/0: Protobuf has no array directly in an array"},
        {R"({"a": {"${uuid}": [1]}})", "no array directly in an object with changing names"},
        {R"({"a": [null]})", "t: at /value/a/0: Protobuf has no null in an array"},
    };
    for (const auto &[value, expected] : mistakes) {
        const std::string mistake = format_mistake([&, value = value] { protobuf_of(value); });
        EXPECT_NE(mistake.find(expected), std::string::npos) << value << ": " << mistake;
    }
}

} // namespace
} // namespace heartbeat::generator
