// Unit test: the error codes of payloads that are not a JSON object, and of a message without a payload.
#include "decode/decode_json.h"

#include "decode_examples.h"

namespace heartbeat {
namespace {

TEST(DecodeJson, RefusesAMissingPayload) {
    Decoded decoded{};
    EXPECT_FALSE(decode_payload(nullptr, 0, &decoded));
    EXPECT_EQ(decoded.error.code, Code::tombstone);
    expect_explained(decoded.error, "");
    EXPECT_FALSE(decode_payload("", 0, &decoded));
    EXPECT_EQ(decoded.error.code, Code::empty);
    expect_explained(decoded.error, "");
}

TEST(DecodeJson, RefusesTextThatIsNotJson) {
    expect_errors({
        {" \n", Code::invalid_json},
        {"\0"s, Code::invalid_json},
        {"hello", Code::invalid_json},
        {"CUST-0007,74,2026-11-22T14:39:02Z", Code::invalid_json},
        {"{", Code::invalid_json},
        {R"({"customer_id")", Code::invalid_json},
        {R"({"customer_id":"CUST-00)", Code::invalid_json},
        {R"({'customer_id':'CUST-0007'})", Code::invalid_json},
        {R"({customer_id:"CUST-0007"})", Code::invalid_json},
        {R"({"customer_id":"CUST-0007",})", Code::invalid_json},
        {"/* a comment */ {}", Code::invalid_json},
        {"\xEF\xBB\xBF{}", Code::invalid_json},
        {with_rate("NaN"), Code::invalid_json},
        {with_rate("nan"), Code::invalid_json},
        {with_rate("Infinity"), Code::invalid_json},
        {with_rate("-Infinity"), Code::invalid_json},
        {with_rate("+74"), Code::invalid_json},
        {with_rate("074"), Code::invalid_json},
        {with_rate(".5"), Code::invalid_json},
        {with_rate("74."), Code::invalid_json},
        {with_rate("0x4A"), Code::invalid_json},
        {with_rate("1e"), Code::invalid_json},
        {with_rate("1_000"), Code::invalid_json},
        {with_rate("74 bpm"), Code::invalid_json},
        {with_rate("True"), Code::invalid_json},
        {with_id("\"line\nbreak\""), Code::invalid_json},
        {with_id("\"NUL\0byte\""s), Code::invalid_json},
        {with_id(R"("\x41")"), Code::invalid_json},
        {with_id(R"("\u12")"), Code::invalid_json},
        {repeated("[", 1 << 20), Code::invalid_json},
        {repeated("{\"a\":", 1 << 18), Code::invalid_json},
        {with_rate("74") + "x", Code::invalid_json},
        {with_rate("74") + "}", Code::invalid_json},
        {with_rate("74") + "\0"s, Code::invalid_json},
        {with_rate("74\0"s), Code::invalid_json},
        {with_rate("74") + "\n" + with_rate("75"), Code::invalid_json},
    });
}

TEST(DecodeJson, RefusesInvalidUtf8AndZeroCharacters) {
    expect_errors({
        {with_id(R"("\u0000")"), Code::invalid_json},
        {with_id(R"("CUST\u00000007")"), Code::invalid_json},
        {R"({"customer_id\u0000":1})", Code::invalid_json},
        {with_id("\"\xFF\""), Code::invalid_json},
        {with_id("\"\x80\""), Code::invalid_json},
        {with_id("\"\xC3\""), Code::invalid_json},
        {with_id("\"\xC3(\""), Code::invalid_json},
        {with_id("\"\xC0\x80\""), Code::invalid_json},         // an overlong NUL
        {with_id("\"\xE0\x80\xAF\""), Code::invalid_json},     // an overlong slash
        {with_id("\"\xED\xA0\x80\""), Code::invalid_json},     // a surrogate in UTF-8
        {with_id("\"\xF4\x90\x80\x80\""), Code::invalid_json}, // beyond U+10FFFF
        {with_id("\"\xF0\x9F\x98\""), Code::invalid_json},     // a truncated character
        // a character truncated by the end of the payload
        {"{\"customer_id\":\"\xF0\x9F", Code::invalid_json},
        {with_id(R"("\ud83d")"), Code::invalid_json},
        {with_id(R"("\ude00")"), Code::invalid_json},
        {with_id(R"("\ud83d\ud83d")"), Code::invalid_json},
        {with_id(R"("\ude00\ud83d")"), Code::invalid_json},
        {with_id(R"("\ud83dx")"), Code::invalid_json},
        {"\xFF\xFE{\0}\0"s, Code::invalid_json}, // UTF-16
    });
}

TEST(DecodeJson, RefusesRepeatedKeys) {
    expect_errors({
        {R"({"customer_id":"a","customer_id":"b","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
         Code::invalid_json},
        {R"({"customer_id":"a","customer\u005fid":"a"})", Code::invalid_json},
        {document(good_id, "74", good_time + R"(,"x":{"y":1,"y":1})"), Code::invalid_json},
    });
}

TEST(DecodeJson, RefusesNumbersOutOfRange) {
    expect_errors({
        {with_rate("1e999"), Code::number_out_of_range},
        {with_rate("-1e999"), Code::number_out_of_range},
        {with_rate("1.8e308"), Code::number_out_of_range},
        {with_rate("18446744073709551616"), Code::number_out_of_range},
        {with_rate("-9223372036854775809"), Code::number_out_of_range},
        {with_rate(repeated("9", 1000)), Code::number_out_of_range},
        {with_rate("1." + repeated("0", 1000) + "e999"), Code::number_out_of_range},
        {with_id("18446744073709551616"), Code::number_out_of_range},
        {document(good_id, "74", good_time + R"(,"x":18446744073709551616)"), Code::number_out_of_range},
        {document(good_id, "74", good_time + R"(,"x":-9223372036854775809)"), Code::number_out_of_range},
        {document(good_id, "74", good_time + R"(,"x":1e999)"), Code::number_out_of_range},
    });
}

// jansson has no integers of 2^63 and more
TEST(DecodeJson, ReadsIntegersOf64BitsWithoutSign) {
    const std::string large = "18446744073709551615";
    const auto read = [](const std::string &text) {
        Reading reading{};
        DecodeError error;
        EXPECT_TRUE(decode_json(text.data(), text.size(), &reading, &error)) << text << ": " << error.text;
        return reading;
    };
    const auto id = [](const Reading &reading) {
        return std::string(reading.customer_id, reading.customer_id_size);
    };
    const Reading plain = read(with_rate("74.25"));
    const Reading unknown =
        read(document(good_id, "74.25", good_time + R"(,"serial":{"a":[)" + large + "]}"));
    EXPECT_EQ(id(unknown), id(plain));
    EXPECT_EQ(unknown.heart_rate, plain.heart_rate);
    EXPECT_EQ(unknown.event_time, plain.event_time);
    EXPECT_EQ(id(read(document("9223372036854775807", "74", good_time + ",\"x\":" + large))),
              "9223372036854775807");
    EXPECT_EQ(id(read(with_id(large))), large);
    EXPECT_EQ(read(with_rate(large)).heart_rate, 18446744073709551615.0);
    expect_errors({
        {document(good_id, "74", large), Code::wrong_type},
        {document(good_id, "", good_time + ",\"x\":" + large), Code::missing_field},
        {document("\"\"", "74", good_time + ",\"x\":" + large), Code::customer_id_empty},
        {"[" + large + "]", Code::not_an_object},
        {large, Code::not_an_object},
        {document(good_id, "74", good_time + ",\"x\":" + large + ","), Code::invalid_json},
        {document(good_id, "74", good_time + ",\"x\":" + large + ",\"x\":1"), Code::invalid_json},
    });
}

TEST(DecodeJson, RefusesValuesThatAreNotObjects) {
    expect_errors({
        {"[]", Code::not_an_object},
        {"[" + with_rate("74") + "]", Code::not_an_object},
        {"74", Code::not_an_object},
        {"7.5", Code::not_an_object},
        {"\"text\"", Code::not_an_object},
        {"null", Code::not_an_object},
        {"true", Code::not_an_object},
    });
}

} // namespace
} // namespace heartbeat
