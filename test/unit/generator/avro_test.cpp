// Unit tests of the generator: the bytes of Avro messages, and the errors of values that do not fit a schema.
#include "format_examples.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat::generator {
namespace {

std::string zigzag(int64_t number) {
    std::string bytes;
    append_zigzag(number, &bytes);
    return bytes;
}

TEST(Avro, WritesNumbers) {
    EXPECT_EQ(zigzag(0), format_bytes({0}));
    EXPECT_EQ(zigzag(-1), format_bytes({1}));
    EXPECT_EQ(zigzag(64), format_bytes({0x80, 1}));
    EXPECT_EQ(zigzag(INT64_MIN), std::string(9, '\xff') + '\1');
    EXPECT_EQ(avro_of("1.5"), format_bytes({0, 0, 0, 0, 0, 0, 0xf8, 0x3f}));
    EXPECT_EQ(avro_of("1.5", R"("float")"), format_bytes({0, 0, 0xc0, 0x3f}));
    EXPECT_EQ(avro_of(R"("${heart_rate}")", R"("int")"), zigzag(74));
    EXPECT_EQ(avro_of(R"("${heart_rate}")", R"("int")", format_readings({1e300})), zigzag(INT32_MAX));
    EXPECT_EQ(avro_of(R"("${heart_rate}")", R"("long")", format_readings({-1.5})), zigzag(-2));
}

TEST(Avro, WritesDecimals) {
    const std::string two_digits = R"({"type":"bytes","logicalType":"decimal","precision":9,"scale":2})";
    EXPECT_EQ(avro_of("1.27", two_digits), format_bytes({2, 127}));
    EXPECT_EQ(avro_of("1.28", two_digits), format_bytes({4, 0, 0x80}));
    EXPECT_EQ(avro_of("-1.28", two_digits), format_bytes({2, 0x80}));
    const std::string fixed = R"({"type":"fixed","name":"f","size":9,"logicalType":"decimal","scale":0})";
    EXPECT_EQ(avro_of("-2", fixed), std::string(8, '\xff') + '\xfe');
    EXPECT_EQ(avro_of(R"("${heart_rate}")", fixed), std::string(8, '\0') + 'J');
}

TEST(Avro, WritesTextsArraysAndMaps) {
    EXPECT_EQ(avro_of(R"({"a": "x", "b": true, "c": null})"), format_bytes({2, 'x', 1}));
    EXPECT_EQ(avro_of(R"(["a", "", "b"])"), format_bytes({6, 2, 'a', 0, 2, 'b', 0}));
    EXPECT_EQ(avro_of("[]"), format_bytes({0}));
    EXPECT_EQ(avro_of(R"({"$repeat": 2, "$each": "${offset:s}"})"), format_bytes({4, 0, 2, 0}));
    EXPECT_EQ(avro_of(R"({"$repeat": 2, "$name": "${offset:s}", "$each": 5})"),
              format_bytes({4, 2, '0', 10, 2, '1', 10, 0}));
    EXPECT_EQ(avro_of(R"("${customer_id}!")"), format_bytes({20}) + "CUST-0007!");
    EXPECT_EQ(avro_of("\"" + std::string(64, 'x') + "${customer_id}\"").substr(0, 3),
              format_bytes({0x92, 1, 'x'}));
}

TEST(Avro, AShortMessageHasAShortArray) {
    EXPECT_EQ(avro_of(R"({"$repeat": 3, "$each": {"$repeat": 3, "$each": "${offset:s}"}})"),
              format_bytes({4, 6, 0, 2, 6, 0, 2, 8, 0, 0}));
}

TEST(Avro, TheLogicalTypeDecidesTheUnitOfATime) {
    for (const char *text : {R"("${time}")", R"("${time:s}")", R"("${time:YYYY-MM-DD}")"})
        EXPECT_EQ(avro_of(text, R"({"type":"long","logicalType":"timestamp-millis"})"),
                  zigzag(1'795'358'342'123));
    EXPECT_EQ(avro_of(R"("${time}")", R"({"type":"long","logicalType":"timestamp-nanos"})"),
              zigzag(1'795'358'342'123'456'000));
    EXPECT_EQ(avro_of(R"("${time:YYYY-MM-DDTHH:MM+10:00}")", R"({"type":"int","logicalType":"date"})"),
              zigzag(20'780)); // 2026-11-23
    EXPECT_EQ(avro_of(R"("${time}")", R"({"type":"long","logicalType":"time-micros"})"),
              zigzag(52'742'123'456));
    EXPECT_EQ(avro_of(R"("${time:ms}")", R"("long")"), zigzag(1'795'358'342'123));
}

TEST(Avro, TakesTheBranchOfAUnion) {
    const std::string number = R"(["null", "int", "double", "string"])";
    EXPECT_EQ(avro_of(R"("${device_number}")", number), format_bytes({2, 4}));
    EXPECT_EQ(avro_of(R"("${heart_rate}")", number).substr(0, 1), format_bytes({4}));
    EXPECT_EQ(avro_of(R"("x")", number), format_bytes({6, 2, 'x'}));
    EXPECT_EQ(avro_of(R"({"a": null})",
                      R"({"type":"record","name":"r","fields":[{"name":"a","type":)" + number + "}]}"),
              format_bytes({0}));
    EXPECT_EQ(avro_of(R"([1])", R"(["null", {"type":"array","items":["null","long"]}])"),
              format_bytes({2, 2, 2, 2, 0}));
}

TEST(Avro, WritesDefaultsOfMissingFields) {
    const std::string schema = R"({"type":"record","name":"n.r","fields":[
        {"name":"a","type":["null","r"],"default":null},
        {"name":"b","type":{"type":"enum","name":"e","symbols":["X","Y"]},"default":"Y"},
        {"name":"c","type":"bytes","default":"\u00ff"},
        {"name":"d","type":{"type":"map","values":"int"},"default":{"k":1}},
        {"name":"heart_rate","type":"int"}]})";
    EXPECT_EQ(avro_of(R"({"heart-rate": 3})", schema), format_bytes({0, 2, 2, 0xff, 2, 2, 'k', 2, 0, 6}));
}

// Each of 20 records has two fields with the type of the next record. So the default value of the first
// record has two to the power of 20 values inside it.
TEST(Avro, RefusesADefaultWithVeryManyValues) {
    std::string type = R"("null")";
    for (int i = 0; i < 20; i++) {
        const std::string inner = i == 0 ? type : "\"r" + std::to_string(i - 1) + "\"";
        const std::string end = std::string(",\"default\":").append(i == 0 ? "null" : "{}").append("}");
        std::string record = R"({"type":"record","name":"r)" + std::to_string(i);
        record.append(R"(","fields":[{"name":"a","type":)").append(type).append(end);
        record.append(R"(,{"name":"b","type":)").append(inner).append(end).append("]}");
        type = std::move(record);
    }
    const std::string mistake = format_mistake([&] { avro_of("{}", type); });
    EXPECT_NE(mistake.find("the default of the field"), std::string::npos) << mistake;
}

TEST(Avro, NamesThePlaceOfAMistake) {
    const std::string record = R"({"type":"record","name":"R","fields":[{"name":"a","type":"int"}]})";
    const std::array<std::string, 3> mistakes[] = {
        {R"({"b": 1})", record, "t: at /value: the member \"a\" is missing"},
        {R"({"a": 1, "b": 1})", record, "t: at /value/b: the schema's record R has no field with this name"},
        {R"({"a": "x"})", record, "t: at /value/a: a text cannot be written as an int"},
        {R"({"a": "${time:s}"})", record, "t: at /value/a: an int is too small for a time"},
        {R"({"a": 3000000000})", record, "t: at /value/a: an int is from"},
        {R"({"a": 1.5})", record, "t: at /value/a: 1.5 cannot be written as an int"},
        {R"({"${uuid}": 1})", record,
         "t: at /value: an object with changing names cannot be written as a record"},
        {R"("C")", R"({"type":"enum","name":"E","symbols":["A"]})", "\"C\" is not a symbol of the enum E"},
        {R"("abc")", R"({"type":"fixed","name":"F","size":2})", "the fixed F has 2 bytes"},
        {R"("abc")", R"(["null","int"])", "t: at /value: a text cannot be written as an int"},
        {"1", R"({"type":"record","name":"R","fields":[{"name":"a","type":"T"}]})",
         "s: at /fields/0/type: there is no type \"T\""},
        {"1", R"({"type":"array"})", "s: the member \"items\" is missing"},
        {"1", "{", "s: line 1"},
        {R"({})", R"({"type":"record","name":"R","fields":[{"name":"a","type":"R","default":{}}]})",
         "the default of the field \"a\""},
        {R"([1, "x"])", "", "t: at /value/1: the elements of an array"},
        {R"([{"a": 1}, {"b": 1}])", "", "t: at /value/1: the objects of an array must have the same members"},
        {R"({"a b": 1, "a-b": 2})", "", "t: at /value/a-b: another member"},
    };
    for (const auto &[value, schema, expected] : mistakes) {
        const std::string mistake =
            format_mistake([&, value = value, schema = schema] { avro_of(value, schema); });
        EXPECT_NE(mistake.find(expected), std::string::npos) << value << ": " << mistake;
    }
}

TEST(Avro, DerivesASchema) {
    const TemplateTree tree =
        format_tree(R"({"heart-rate": "${heart_rate}", "at": "${time:us}", "x": [{"n": 1}]})");
    EXPECT_EQ(avro_schema_of(shape_of(tree.value, "t")),
              R"({"type":"record","namespace":"heartbeat.generator","name":"Message","fields":[)"
              R"({"name":"heart_rate","type":"double"},)"
              R"({"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},)"
              R"({"name":"x","type":{"type":"array","items":{"type":"record","name":"Message_x","fields":[)"
              R"({"name":"n","type":"long"}]}}}]})");
}

} // namespace
} // namespace heartbeat::generator
