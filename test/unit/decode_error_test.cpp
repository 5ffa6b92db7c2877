// Unit test: the error codes of JSON objects that are not readings. The text of an error must explain the
// error, and must not contain a part of the payload.
#include "decode_examples.h"

#include <set>

namespace heartbeat {
namespace {

TEST(DecodeError, NamesTheMissingField) {
    expect_errors({
        {"{}", Code::missing_field},
        {document("", "74", good_time), Code::missing_field},
        {document(good_id, "", good_time), Code::missing_field},
        {document(good_id, "74", ""), Code::missing_field},
        {R"({"reading":)" + with_rate("74") + "}", Code::missing_field},
        {R"({"CUSTOMER_ID":"a","heart_rate":74,"event_timestamp":"2026-11-22T14:39:02Z"})",
         Code::missing_field},
    });
    EXPECT_NE(strstr(refuse(document("", "74", good_time)).text, "customer_id"), nullptr);
    EXPECT_NE(strstr(refuse(document(good_id, "", good_time)).text, "heart_rate"), nullptr);
    EXPECT_NE(strstr(refuse(document(good_id, "74", "")).text, "event_timestamp"), nullptr);
}

TEST(DecodeError, NamesTheFieldOfAWrongType) {
    for (const char *json : {"null", "true", "false", "[]", "{}", "[\"a\"]"}) {
        expect_errors({
            {with_id(json), Code::wrong_type},
            {with_rate(json), Code::wrong_type},
            {with_time(json), Code::wrong_type},
        });
    }
    expect_errors({
        {with_id("7.0"), Code::wrong_type},
        {with_id("1E2"), Code::wrong_type},
        {with_rate("\"74\""), Code::wrong_type},
        {with_rate("\"\""), Code::wrong_type},
        {with_time("1795358342"), Code::wrong_type},
        {with_time("1795358342.5"), Code::wrong_type},
    });
    EXPECT_STREQ(refuse(with_rate("\"74\"")).text, "heart_rate is a string; expected a number");
    EXPECT_STREQ(refuse(with_rate("true")).text, "heart_rate is a boolean; expected a number");
    EXPECT_STREQ(refuse(with_id("null")).text,
                 "customer_id is null; expected a non-empty string or an integer");
}

TEST(DecodeError, RefusesEmptyAndTooLongCustomerIds) {
    expect_errors({
        {with_id("\"\""), Code::customer_id_empty},
        {with_id('"' + repeated("a", 257) + '"'), Code::customer_id_too_long},
        {with_id('"' + repeated("\u00e9", 257) + '"'), Code::customer_id_too_long},
        {with_id('"' + repeated("\U0001F600", 257) + '"'), Code::customer_id_too_long},
        {with_id('"' + repeated("\U0001F600", 256) + "a\""), Code::customer_id_too_long},
        {with_id('"' + repeated(R"(\ud83d\ude00)", 257) + '"'), Code::customer_id_too_long},
        {with_id('"' + repeated("a", 100000) + '"'), Code::customer_id_too_long},
    });
}

TEST(DecodeError, RefusesInvalidTimestamps) {
    expect_errors({
        {with_time("\"\""), Code::invalid_timestamp},
        {with_time("\"yesterday\""), Code::invalid_timestamp},
        {with_time("\"1795358342\""), Code::invalid_timestamp},
        {with_time("\"2026-02-30T00:00:00Z\""), Code::invalid_timestamp},
        {with_time("\"2026-13-01T00:00:00Z\""), Code::invalid_timestamp},
        {with_time("\"2026-11-22T24:00:00Z\""), Code::invalid_timestamp},
        {with_time("\"1900-02-29T00:00:00Z\""), Code::invalid_timestamp},
        {with_time("\"2026-11-22T14:39:02+16:00\""), Code::invalid_timestamp},
        {with_time("\"2026-11-22T14:39Z\""), Code::invalid_timestamp},
        {with_time("\"" + repeated("9", 100000) + "\""), Code::invalid_timestamp},
    });
}

// heartbeat writes the error texts to the server's log, and the log must not contain data of a patient.
TEST(DecodeError, TextsContainNothingOfThePayload) {
    const std::string secret = "Xq7Xq7Xq7Xq7";
    const std::string payloads[] = {
        secret,
        "{" + secret,
        "{\"" + secret,
        "{\"" + secret + "\":" + secret,
        "{\"" + secret + "\":1,\"" + secret + "\":2}",
        "{\"a\":\"" + secret + "\xFF\"}",
        "{\"" + secret + "\\u0000\":1}",
        with_id('"' + secret + "\\u0000\""),
        with_id('"' + repeated(secret, 50) + '"'),
        with_id('"' + secret + '"') + secret,
        with_rate('"' + secret + '"'),
        with_time('"' + secret + '"'),
        '"' + secret + '"',
    };
    for (const std::string &payload : payloads)
        EXPECT_EQ(std::string(refuse(payload).text).find("q7"), std::string::npos) << refuse(payload).text;
}

TEST(DecodeError, TextsNameTheLineOfTheError) {
    const DecodeError error = refuse("{\n  \"customer_id\": oops\n}");
    EXPECT_EQ(error.code, Code::invalid_json);
    EXPECT_NE(strstr(error.text, "line 2"), nullptr) << error.text;
}

TEST(DecodeError, NamesAreDistinct) {
    std::set<std::string> names;
    for (int code = 0; code <= static_cast<int>(Code::out_of_memory); ++code)
        names.insert(decode_error_name(static_cast<Code>(code)));
    EXPECT_EQ(names.size(), 15U);
    EXPECT_EQ(names.count("INVALID_JSON"), 1U);
}

} // namespace
} // namespace heartbeat
