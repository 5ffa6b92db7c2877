// Unit test: the tree of a JSON text, the equality of values, the names in the tree, and texts beyond the
// limits.
#include "mapping_examples.h"

#include <gtest/gtest.h>

namespace heartbeat {
namespace {

std::string repeat(const std::string &unit, size_t count) {
    std::string text;
    for (size_t i = 0; i < count; i++)
        text += unit;
    return text;
}

std::string fault(JsonTree *tree, const std::string &text) {
    DecodeError error;
    if (tree->parse(text, "payload", &error))
        return "accepted";
    return decode_error_name(error.code) + std::string(": ") + error.text;
}

// If a text has a zero byte and another fault, the error names the zero byte, even if the other fault comes
// first. decode_json() does the same.
TEST(JsonTree, ZeroByteBeforeOtherFaults) {
    JsonTree json;
    const std::string zero(1, '\0'), number = repeat("4", 40);
    EXPECT_EQ(fault(&json, "{}" + number + zero), "INVALID_JSON: payload is not valid JSON: a zero byte at "
                                                  "offset 42; expected one JSON value in UTF-8");
    EXPECT_EQ(
        fault(&json, "1" + zero),
        "INVALID_JSON: payload is not valid JSON: a zero byte at offset 1; expected one JSON value in UTF-8");
}

TEST(JsonTree, Nodes) {
    JsonTree json;
    EXPECT_EQ(fault(&json, R"({"a":[1,-2,18446744073709551615,1.5,true,null,"x"],"b":{"":{}},"c":[]})"),
              "accepted");
    const ValueTree &tree = json.tree();
    EXPECT_EQ(tree[0].size, 3U);
    EXPECT_EQ(tree[0].end, tree.size());
    const uint32_t a = value_member(tree, 0, "a"), b = value_member(tree, 0, "b");
    EXPECT_EQ(tree[a].size, 7U);
    EXPECT_EQ(tree[value_element(tree, a, 1)].integer, -2);
    EXPECT_EQ(tree[value_element(tree, a, 2)].unsigned_integer, UINT64_MAX);
    EXPECT_EQ(tree[value_element(tree, a, 3)].number(), 1.5);
    EXPECT_TRUE(tree[value_element(tree, a, 4)].boolean);
    EXPECT_EQ(tree[value_element(tree, a, 5)].type, ValueType::null);
    EXPECT_EQ(tree[value_element(tree, a, 6)].text(), "x");
    EXPECT_EQ(value_element(tree, a, 7), no_value);
    EXPECT_EQ(tree[value_member(tree, b, "")].type, ValueType::object);
    EXPECT_EQ(value_member(tree, 0, "d"), no_value);
}

TEST(JsonTree, RepeatedNames) {
    JsonTree json;
    const auto object = [](int count, const char *format, const char *more) {
        std::string text = "{";
        for (int i = 0; i < count; i++) {
            char member[64];
            std::snprintf(member, sizeof(member), format, i);
            text += member;
        }
        return text + more + "}";
    };
    const std::string repeated = "INVALID_JSON: payload is not valid JSON: a key is repeated in one object";
    EXPECT_EQ(fault(&json, object(5, "\"%d\":0,", "\"x\":0")), "accepted");
    EXPECT_EQ(fault(&json, object(5, "\"%d\":0,", "\"3\":0")).substr(0, repeated.size()), repeated);
    EXPECT_EQ(fault(&json, object(500, "\"%d\":0,", "\"x\":0")), "accepted");
    EXPECT_EQ(fault(&json, object(500, "\"%d\":0,", "\"77\":0")).substr(0, repeated.size()), repeated);
    EXPECT_EQ(fault(&json, object(500, "\"%d\":0,", "\"499\":0")).substr(0, repeated.size()), repeated);
    EXPECT_EQ(fault(&json, R"({"a":1,"\u0061":1})").substr(0, repeated.size()), repeated);
}

TEST(JsonTree, Limits) {
    JsonTree json;
    const std::string deep =
        "INVALID_JSON: payload is not valid JSON: nested too deeply; expected one JSON value in "
        "UTF-8, at most 256 levels deep";
    EXPECT_EQ(fault(&json, repeat("[", 255) + repeat("]", 255)), "accepted");
    EXPECT_EQ(fault(&json, repeat("[", 300) + repeat("]", 300)), deep);
    EXPECT_EQ(fault(&json, repeat("[", 2 << 20)).find(" at line "), std::string::npos)
        << "jansson does not explain so large a text";
    EXPECT_EQ(fault(&json, "[" + repeat("0,", message_values_max - 2) + "0]"), "accepted");
    EXPECT_EQ(fault(&json, "[" + repeat("0,", message_values_max - 1) + "0]"),
              "INVALID_JSON: payload has more than 1048576 JSON values");
    EXPECT_EQ(fault(&json, "\"" + repeat("x", message_bytes_max - 2) + "\""), "accepted");
    EXPECT_EQ(fault(&json, "\"" + repeat("x", message_bytes_max - 1) + "\""),
              "INVALID_JSON: payload has 16777217 bytes; expected at most 16777216");
    json.release_giant();
    EXPECT_EQ(fault(&json, "[1]"), "accepted");
    json.release_giant();
    EXPECT_EQ(json.tree().size(), 2U) << "the memory of a small text stays";
}

// An unsigned integer of 64 bits is legal, so the error never shows the position of such an integer.
TEST(JsonTree, NumbersAndOtherFaults) {
    JsonTree json;
    const std::string large = R"({"serial":12345678901234567890,)",
                      syntax = "INVALID_JSON: payload is not valid JSON: ",
                      range = "NUMBER_OUT_OF_RANGE: number out of range at line 1, column ",
                      expected = "; expected a 64-bit integer or a double";
    EXPECT_EQ(fault(&json, large + R"("bpm":70})"), "accepted");
    EXPECT_EQ(fault(&json, large + R"("bpm":70,})"),
              syntax + "syntax error at line 1, column 41; expected one JSON value in UTF-8");
    EXPECT_EQ(fault(&json, large + R"("bpm":70,"bpm":70})"),
              syntax +
                  "a key is repeated in one object at line 1, column 45; expected one JSON value in UTF-8");
    EXPECT_EQ(fault(&json, large + "\"bpm\":01}").substr(0, syntax.size()), syntax);
    EXPECT_EQ(fault(&json, large + R"("b":-12345678901234567890})"), range + "56" + expected);
    EXPECT_EQ(fault(&json, large + R"("b":-1e400})"), range + "41" + expected);
    EXPECT_EQ(fault(&json, R"(["\"","1e999\\",-0,0e9,123456789012345678901])"), range + "44" + expected);
    EXPECT_EQ(fault(&json, "[\"\u00e4\",\n \"\u00e4\", 1e999]"),
              "NUMBER_OUT_OF_RANGE: number out of range at line 2, column 11" + expected);
    const std::string giant = "[\"" + repeat("x", 1 << 20) + "\",";
    EXPECT_EQ(fault(&json, giant + "1e999]"), range + "1048585" + expected);
    EXPECT_EQ(fault(&json, giant + "1e,1e999]").substr(0, syntax.size()), syntax);
}

TEST(JsonTree, ByteOrderMark) {
    JsonTree json;
    EXPECT_EQ(fault(&json, "\xEF\xBB\xBF{}").substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, " \n{}\t").substr(0, 12), "accepted");
    EXPECT_EQ(fault(&json, std::string("{}\0", 3)).substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, std::string("2\0", 2)).substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, std::string("[6\0,7]", 6)).substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, "").substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, " ").substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(fault(&json, "{\"a\":\"\xFF\"}"), "INVALID_JSON: payload is not valid JSON: invalid UTF-8 at "
                                                "line 1, column 6; expected one JSON value in UTF-8");
}

} // namespace
} // namespace heartbeat
