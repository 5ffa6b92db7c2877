// Unit test: customer_id, device_id and heart_rate of one message with a mapping.
#include "mapping_examples.h"

namespace heartbeat {
namespace {

const std::string good = "'hr':74,'t':'2026-11-22T14:39:02Z'";
const std::string seen = " 74 2026-11-22T14:39:02Z";

TEST(MappedFields, CustomerId) {
    expect_decoded({
        {{}, "{'id':'CUST-1'," + good + "}", "CUST-1" + seen},
        {{}, "{" + good + ",'id':'CUST-1','x':{'id':'no'}}", "CUST-1" + seen},
        {{}, "{'id':7," + good + "}", "7" + seen},
        {{}, "{'id':-9223372036854775808," + good + "}", "-9223372036854775808" + seen},
        {{}, "{'id':18446744073709551615," + good + "}", "18446744073709551615" + seen},
        {{}, "{'id':'\\u00e4\\ud83d\\ude00'," + good + "}", "\xC3\xA4\xF0\x9F\x98\x80" + seen},
        {{},
         "{" + good + "}",
         "MISSING_FIELD: customer_id is missing at /id; expected a non-empty string or an integer"},
        {{},
         "{'id':null," + good + "}",
         "MISSING_FIELD: customer_id is missing at /id; expected a non-empty string or an integer"},
        {{},
         "{'id':''," + good + "}",
         "CUSTOMER_ID_EMPTY: customer_id at /id is an empty string; expected a non-empty string or an "
         "integer"},
        {{},
         "{'id':1.5," + good + "}",
         "WRONG_TYPE: customer_id at /id is a number with a fraction or an exponent; expected a non-empty "
         "string "
         "or an integer"},
        {{},
         "{'id':true," + good + "}",
         "WRONG_TYPE: customer_id at /id is a boolean; expected a non-empty string or an integer"},
        {{},
         "{'id':['a']," + good + "}",
         "WRONG_TYPE: customer_id at /id is an array; expected a non-empty string or an integer"},
        {{},
         "{'id':'" + std::string(257, 'x') + "'," + good + "}",
         "CUSTOMER_ID_TOO_LONG: customer_id at /id is a string of 257 characters; expected at most 256"},
        {{.customer_id = "'/user/id'"}, "{'user':{'id':'A'}," + good + "}", "A" + seen},
        {{.customer_id = "'value/user/id'"}, "{'user':{'id':'A'}," + good + "}", "A" + seen},
        {{.customer_id = "'/users/1/0'"}, "{'users':[['A'],['B']]," + good + "}", "B" + seen},
        {{.customer_id = "'/users/2'"},
         "{'users':['A','B']," + good + "}",
         "MISSING_FIELD: customer_id is missing at /users/2; expected a non-empty string or an integer"},
        {{.customer_id = "'/users/01'"},
         "{'users':['A','B']," + good + "}",
         "MISSING_FIELD: customer_id is missing at /users/01; expected a non-empty string or an integer"},
        {{.customer_id = "'/users/01'"}, "{'users':{'01':'B'}," + good + "}", "B" + seen},
        {{.customer_id = "'/id/x'"},
         "{'id':'A'," + good + "}",
         "MISSING_FIELD: customer_id is missing at /id/x; expected a non-empty string or an integer"},
        {{.customer_id = "'/a~1b/~0'"}, "{'a/b':{'~':'A'}," + good + "}", "A" + seen},
        {{.customer_id = "'/'"}, "{'':'A'," + good + "}", "A" + seen},
        {{.customer_id = "'//x'"}, "{'':{'x':'A'}," + good + "}", "A" + seen},
        {{.customer_id = "{'at':'/id','strip':'Patient/'}"}, "{'id':'Patient/A'," + good + "}", "A" + seen},
        {{.customer_id = "{'at':'/id','strip':'Patient/'}"},
         "{'id':'Patien/A'," + good + "}",
         "Patien/A" + seen},
        {{.customer_id = "{'at':'/id','strip':'Patient/'}"},
         "{'id':'Patient/'," + good + "}",
         "CUSTOMER_ID_EMPTY: customer_id at /id is an empty string; expected a non-empty string or an "
         "integer"},
        {{.customer_id = "{'at':'/id','text':true}"}, "{'id':'0012'," + good + "}", "0012" + seen},
        {{.customer_id = "{'at':'/id','default':'unknown'}"}, "{" + good + "}", "unknown" + seen},
        {{.customer_id = "{'at':'/id','default':7}"}, "{'id':null," + good + "}", "7" + seen},
        {{.customer_id = "{'at':'/id','default':'unknown'}"}, "{'id':'A'," + good + "}", "A" + seen},
    });
}

TEST(MappedFields, JoinedPlaces) {
    const Fields joined = {.customer_id = "['/site','/id']"};
    expect_decoded({
        {joined, "{'site':'S','id':7," + good + "}", "S/7" + seen},
        {joined, "{'id':7," + good + "}",
         "MISSING_FIELD: customer_id is missing at /site; expected a non-empty string or an integer"},
        {joined, "{'site':'S','id':''," + good + "}",
         "CUSTOMER_ID_EMPTY: customer_id at /id is an empty string; expected a non-empty string or an "
         "integer"},
        {joined, "{'site':'S','id':{}," + good + "}",
         "WRONG_TYPE: customer_id at /id is an object; expected a non-empty string or an integer"},
        {joined, "{'site':'S','id':'" + std::string(2000, 'x') + "'," + good + "}",
         "CUSTOMER_ID_TOO_LONG: customer_id is too long with the part at /id; expected at most 256 "
         "characters"},
        {joined, "{'site':'S','id':'" + std::string(255, 'x') + "'," + good + "}",
         "CUSTOMER_ID_TOO_LONG: customer_id at /site is a string of 257 characters; expected at most 256"},
        {{.customer_id = "{'at':['/site','/id'],'default':'none'}"},
         "{'site':'S'," + good + "}",
         "none" + seen},
        {{.customer_id = "{'at':['/site','/id'],'strip':'S/'}"},
         "{'site':'S','id':7," + good + "}",
         "7" + seen},
    });
}

TEST(MappedFields, DeviceId) {
    const Fields single = {.more = "'device_id':'/d'"}, joined = {.more = "'device_id':['/a','/b']"};
    const std::string begin = "{'id':'A'," + good;
    expect_decoded({
        {single, begin + ",'d':'watch'}", "A watch" + seen},
        {single, begin + ",'d':12}", "A 12" + seen},
        {single, begin + ",'d':''}", "A" + seen},
        {single, begin + ",'d':null}", "A" + seen},
        {single, begin + "}", "A" + seen},
        {single, begin + ",'d':1.5}",
         "WRONG_TYPE: device_id at /d is a number with a fraction or an exponent; expected a string or an "
         "integer"},
        {single, begin + ",'d':'" + std::string(257, 'x') + "'}",
         "WRONG_TYPE: device_id at /d is a string of 257 characters; expected at most 256"},
        {joined, begin + ",'a':'x','b':'y'}", "A x/y" + seen},
        {joined, begin + ",'b':'y'}", "A /y" + seen},
        {joined, begin + ",'a':'x'}", "A x/" + seen},
        {joined, begin + "}", "A" + seen},
        {{.more = "'device_id':{'at':['/a','/b'],'default':'none'}"}, begin + ",'a':'x'}", "A none" + seen},
        {{.more = "'device_id':{'at':'/d','strip':'Device/'}"}, begin + ",'d':'Device/1'}", "A 1" + seen},
        {{.more = "'device_id':{'at':'/d','default':'none'}"}, begin + "}", "A none" + seen},
    });
}

TEST(MappedFields, HeartRate) {
    const auto rate = [](const std::string &json) {
        return "{'id':'A','t':'2026-11-22T14:39:02Z','hr':" + json + "}";
    };
    const std::string at = " 2026-11-22T14:39:02Z";
    const std::string hz = "{'at':'/hr','unit':'hz'}", rr_ms = "{'at':'/hr','unit':'rr_ms'}",
                      rr_s = "{'at':'/hr','unit':'rr_s'}", text = "{'at':'/hr','text':true}";
    const std::string interval =
        "NUMBER_OUT_OF_RANGE: heart_rate at /hr is an interval of 0 or less; expected an "
        "interval between beats, greater than 0";
    expect_decoded({
        {{}, rate("74.25"), "A 74.25" + at},
        {{}, rate("-1"), "A -1" + at},
        {{}, rate("1e-400"), "A 0" + at},
        {{}, rate("18446744073709551615"), "A 1.844674407e+19" + at},
        {{}, rate("'74'"), "WRONG_TYPE: heart_rate at /hr is a string; expected a number"},
        {{}, rate("null"), "MISSING_FIELD: heart_rate is missing at /hr; expected a number"},
        {{}, rate("[74]"), "WRONG_TYPE: heart_rate at /hr is an array; expected a number"},
        {{.heart_rate = text}, rate("'74.5'"), "A 74.5" + at},
        {{.heart_rate = text}, rate("'7.45e1'"), "A 74.5" + at},
        {{.heart_rate = text}, rate("74"), "A 74" + at},
        {{.heart_rate = text},
         rate("true"),
         "WRONG_TYPE: heart_rate at /hr is a boolean; expected a number, or a number as text"},
        {{.heart_rate = text},
         rate("'74 bpm'"),
         "WRONG_TYPE: heart_rate at /hr is a text that is not a number; expected a number, or a number as "
         "text"},
        {{.heart_rate = text},
         rate("'0x4A'"),
         "WRONG_TYPE: heart_rate at /hr is a text that is not a number; expected a number, or a number as "
         "text"},
        {{.heart_rate = text},
         rate("'NaN'"),
         "WRONG_TYPE: heart_rate at /hr is a text that is not a number; expected a number, or a number as "
         "text"},
        {{.heart_rate = text},
         rate("''"),
         "WRONG_TYPE: heart_rate at /hr is a text that is not a number; expected a number, or a number as "
         "text"},
        {{.heart_rate = text},
         rate("'1e999'"),
         "NUMBER_OUT_OF_RANGE: heart_rate at /hr is a number out of range; expected a 64-bit integer or a "
         "double"},
        {{.heart_rate = text}, rate("'1e-999'"), "A 0" + at},
        {{.heart_rate = text}, rate("'" + std::string(400, '9') + ".5e-390'"), "A 1e+10" + at},
        {{.heart_rate = text}, rate("'0." + std::string(400, '0') + "1'"), "A 0" + at},
        {{.heart_rate = hz}, rate("1.25"), "A 75" + at},
        {{.heart_rate = hz},
         rate("1e308"),
         "NUMBER_OUT_OF_RANGE: heart_rate at /hr is a number out of range; expected a number that a double "
         "can hold"},
        {{.heart_rate = rr_ms}, rate("800"), "A 75" + at},
        {{.heart_rate = rr_s}, rate("0.8"), "A 75" + at},
        {{.heart_rate = rr_ms}, rate("0"), interval},
        {{.heart_rate = rr_s}, rate("-0.8"), interval},
        {{.heart_rate = rr_s},
         rate("1e-320"),
         "NUMBER_OUT_OF_RANGE: heart_rate at /hr is a number out of range; expected an interval between "
         "beats, "
         "greater than 0"},
        {{.heart_rate = "{'at':'/hr','default':60}"}, rate("null"), "A 60" + at},
        {{.heart_rate = "{'at':'/hr','unit':'rr_ms','default':1000}"}, rate("null"), "A 60" + at},
    });
}

TEST(MappedFields, KeyHeadersAndKafkaTime) {
    const std::string all =
        Fields{"'key'", "{'at':'header/hr','text':true}", "'kafka/timestamp'", "'device_id':'header/d~1v'"}
            .json();
    const std::string time = " 2026-11-23T14:39:02.123000Z";
    EXPECT_EQ(decode(all, {"no JSON", "K", {{"hr", "74"}, {"d/v", "w"}}}), "K w 74" + time);
    EXPECT_EQ(decode(all, {"no JSON", "K", {{"hr", "74"}, {"hr", "75"}}}), "K 75" + time)
        << "the last one counts";
    EXPECT_EQ(decode(all, {"x", "", {{"hr", "74"}}}), "CUSTOMER_ID_EMPTY: customer_id at key is an empty "
                                                      "string; expected a non-empty string or an integer");
    EXPECT_EQ(decode(all, {"x", "\xFF", {{"hr", "74"}}}),
              "WRONG_TYPE: customer_id at key is not UTF-8 text without U+0000; expected a text");
    EXPECT_EQ(decode(all, {"x", "K", {{"hr", "74"}, {"d/v", std::string("a\0b", 3)}}}),
              "WRONG_TYPE: device_id at header/d/v is not UTF-8 text without U+0000; expected a text");
    EXPECT_EQ(decode(all, {"x", "K"}),
              "MISSING_FIELD: heart_rate is missing at header/hr; expected a number");
    EXPECT_EQ(
        decode(all, {"x", "K", {{"hr", "74"}}, -1}),
        "MISSING_FIELD: event_timestamp is missing at kafka/timestamp; expected a number since 1970 in the "
        "mapping's unit");
    const std::string keyed = Fields{"'key/user/0'", "'value'", "{'at':'key/t','unit':'s'}"}.json();
    EXPECT_EQ(decode(keyed, {"74", R"({"user":["A"],"t":0})"}), "A 74 1970-01-01T00:00:00Z");
    EXPECT_EQ(
        decode(keyed, {"74", R"({"user":[],"t":0})"}),
        "MISSING_FIELD: customer_id is missing at key/user/0; expected a non-empty string or an integer");
    EXPECT_EQ(decode(keyed, {"74", "K"}), "INVALID_JSON: key is not valid JSON: syntax error at line 1, "
                                          "column 1; expected one JSON value in UTF-8");
}

TEST(MappedFields, NullKeyAndPayload) {
    const MappingPointer mapping = compile(Fields{"'key/id'", "'/hr'", "'/t'"}.json());
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const std::string payload = quoted("{" + good + "}");
    MessageView view;
    EXPECT_EQ(decode(&decoder, view), "TOMBSTONE: message has no payload; expected a JSON value");
    view.payload = {payload.data(), 0};
    EXPECT_EQ(decode(&decoder, view), "EMPTY: payload has no bytes; expected a JSON value");
    view.payload = {payload.data(), payload.size()};
    EXPECT_EQ(decode(&decoder, view),
              "MISSING_FIELD: customer_id is missing at key/id; expected a non-empty string or an integer");
}

TEST(MappedFields, Payloads) {
    const std::string object = "NOT_AN_OBJECT: payload is a string; expected an object";
    expect_decoded({
        {{}, "'text'", object},
        {{}, "[]", "NOT_AN_OBJECT: payload is an array; expected an object"},
        {{.customer_id = "'/0/id'"},
         "[]",
         "MISSING_FIELD: customer_id is missing at /0/id; expected a non-empty string or an integer"},
        {{},
         "{",
         "INVALID_JSON: payload is not valid JSON: unexpected end at line 1, column 1; expected one JSON "
         "value in UTF-8"},
        {{},
         "{'id':1}{}",
         "INVALID_JSON: payload is not valid JSON: unexpected bytes after the value at line 1, "
         "column 9; expected one JSON value in UTF-8"},
        {{},
         "{'x':{'y':1,'y':1}}",
         "INVALID_JSON: payload is not valid JSON: a key is repeated in one object at "
         "line 1, column 15; expected one JSON value in UTF-8"},
        {{},
         "{'x':'\\u0000'}",
         "INVALID_JSON: payload is not valid JSON: a string contains the character U+0000 at "
         "line 1, column 13; expected one JSON value in UTF-8"},
        {{},
         "{'x':1e999}",
         "NUMBER_OUT_OF_RANGE: number out of range at line 1, column 10; expected a 64-bit "
         "integer or a double"},
        {{},
         "{'x':99999999999999999999}",
         "NUMBER_OUT_OF_RANGE: number out of range at line 1, column 25; expected "
         "a 64-bit integer or a double"},
    });
}

} // namespace
} // namespace heartbeat
