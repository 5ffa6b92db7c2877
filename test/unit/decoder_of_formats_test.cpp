// Unit test: decoders of messages in the frame of Confluent and of messages without a frame. The decoders ask
// for unknown schemas, and read times whose type in the schema is a logical type of Avro.
#include "decode/decoder_of_mapping.h"
#include "decode/schema_cache.h"

#include "avro_examples.h"

#include <gtest/gtest.h>

namespace heartbeat {
namespace {

using DecoderPointer = std::unique_ptr<Decoder, void (*)(Decoder *)>;

DecoderPointer make(const std::string &mapping, MessageFormat format) {
    MappingError error;
    Decoder *const decoder = decoder_of_mapping(mapping, &error, format);
    EXPECT_NE(decoder, nullptr) << error.pointer << " " << error.problem;
    return {decoder, decoder_destroy};
}

std::string decode(Decoder *decoder, const std::string &payload, const std::string &key = "K") {
    Decoded decoded;
    const MessageView view{.key = {key.data(), key.size()}, .payload = {payload.data(), payload.size()}};
    switch (decoder->decode(view, &decoded)) {
    case DecodeResult::ignored:
        return "ignored";
    case DecodeResult::failed:
        return decode_error_name(decoded.error.code) + std::string(": ") + decoded.error.text;
    case DecodeResult::needs_schema: {
        const SchemaKey wanted = decoder->schema_cache()->wanted();
        return "needs " + std::to_string(wanted.id) +
               (wanted.part == MessagePart::key ? " of the key" : " of the value");
    }
    case DecodeResult::decoded:
        break;
    }
    std::string text;
    for (size_t i = 0; i < decoded.count; i++)
        text += (text.empty() ? "" : "; ") + reading_text(decoded.readings[i]);
    return text;
}

bool add(Decoder *decoder, int32_t id, MessagePart part, const std::string &schema) {
    const std::string text = quoted(schema);
    const std::string_view view = text;
    return decoder->schema_cache()->add({id, part}, {&view, 1});
}

std::string framed(char id, const std::string &body) {
    return std::string("\0\0\0\0", 4) + id + body;
}

const std::string reading =
    "{'type':'record','name':'Reading','fields':[{'name':'id','type':'string'},{'name':'bpm','type':'int'},"
    "{'name':'at','type':{'type':'long','logicalType':'timestamp-millis'}}]}";
const std::string body = avro_text("A") + varint(74) + varint(1'795'358'342'123);
const std::string mapping = Fields{"'/id'", "'/bpm'", "'/at'"}.json();

TEST(DecoderOfFormats, AsksForTheSchemaOnce) {
    const DecoderPointer decoder = make(mapping, MessageFormat::avro);
    EXPECT_EQ(decode(decoder.get(), framed(7, body)), "needs 7 of the value");
    EXPECT_TRUE(add(decoder.get(), 7, MessagePart::value, reading));
    EXPECT_EQ(decode(decoder.get(), framed(7, body)), "A 74 2026-11-22T14:39:02.123000Z");
    EXPECT_EQ(decode(decoder.get(), framed(8, body)), "needs 8 of the value");
    EXPECT_EQ(decode(decoder.get(), framed(7, body)), "A 74 2026-11-22T14:39:02.123000Z");
}

TEST(DecoderOfFormats, ReadsKeyAndValueWithTheirOwnSchemas) {
    const DecoderPointer decoder = make(Fields{"'key/id'", "'/bpm'", "'/at'"}.json(), MessageFormat::avro);
    const std::string key = framed(9, avro_text("P"));
    EXPECT_TRUE(add(decoder.get(), 7, MessagePart::value, reading));
    EXPECT_EQ(decode(decoder.get(), framed(7, body), key), "needs 9 of the key");
    EXPECT_TRUE(add(decoder.get(), 9, MessagePart::key,
                    "{'type':'record','name':'K','fields':[{'name':'id','type':'string'}]}"));
    EXPECT_EQ(decode(decoder.get(), framed(7, body), key), "P 74 2026-11-22T14:39:02.123000Z");
}

TEST(DecoderOfFormats, MakesDeadLettersOfUnknownAndWrongSchemas) {
    const DecoderPointer decoder = make(mapping, MessageFormat::avro);
    EXPECT_TRUE(decoder->schema_cache()->refuse({7, MessagePart::value}, DecodeErrorCode::unknown_schema,
                                                "the schema registry has no schema 7"));
    EXPECT_EQ(decode(decoder.get(), framed(7, body)), "UNKNOWN_SCHEMA: the schema registry has no schema 7");
    EXPECT_TRUE(add(decoder.get(), 8, MessagePart::value, "{'type':'recor'}"));
    EXPECT_EQ(decode(decoder.get(), framed(8, body)).substr(0, 36), "INVALID_AVRO: schema 8 cannot be use");
    EXPECT_EQ(decode(decoder.get(), "{}").substr(0, 12), "INVALID_AVRO");
    EXPECT_EQ(decode(decoder.get(), framed(7, "") + "x").substr(0, 14), "UNKNOWN_SCHEMA");
}

TEST(DecoderOfFormats, ForgetsAllSchemasWhenThereAreTooMany) {
    const DecoderPointer decoder = make(mapping, MessageFormat::avro);
    SchemaCache *const cache = decoder->schema_cache();
    for (int32_t id = 0; id <= static_cast<int32_t>(SchemaCache::schemas_max); id++)
        EXPECT_TRUE(cache->refuse({id, MessagePart::value}, DecodeErrorCode::invalid_avro, "wrong"));
    DecodeError error;
    EXPECT_EQ(cache->find({0, MessagePart::value}, &error), nullptr);
    EXPECT_EQ(error.code, DecodeErrorCode::none);
    EXPECT_EQ(cache->wanted().id, 0);
}

TEST(DecoderOfFormats, NamesThePayloadThatIsNoObject) {
    const DecoderPointer decoder =
        make(Fields{"'key'", "'/bpm'", "'kafka/timestamp'"}.json(), MessageFormat::avro);
    EXPECT_TRUE(add(decoder.get(), 7, MessagePart::value, "'int'"));
    EXPECT_EQ(decode(decoder.get(), framed(7, varint(74))),
              "NOT_AN_OBJECT: payload is an integer; expected an object");
}

TEST(DecoderOfFormats, SkipsTheFrameOfJson) {
    const DecoderPointer decoder = make(mapping, MessageFormat::json_schema);
    EXPECT_EQ(decoder->schema_cache(), nullptr);
    const std::string json = R"({"id":"A","bpm":74,"at":"2026-11-22T14:39:02Z"})";
    EXPECT_EQ(decode(decoder.get(), framed(1, json)), "A 74 2026-11-22T14:39:02Z");
    EXPECT_EQ(decode(decoder.get(), json).substr(0, 12), "INVALID_JSON");
    EXPECT_EQ(decode(decoder.get(), std::string("\0\0\0", 3)).substr(0, 12), "INVALID_JSON");
}

TEST(DecoderOfFormats, ReadsMessagesWithoutAFrame) {
    MappingError error = {};
    SchemaError wrong = {};
    const std::string text = quoted(reading);
    const std::string_view schema = text;
    const DecoderPointer decoder(
        decoder_of_schema(mapping, MessageFormat::avro, {&schema, 1}, &error, &wrong), decoder_destroy);
    ASSERT_NE(decoder, nullptr);
    EXPECT_EQ(decode(decoder.get(), body), "A 74 2026-11-22T14:39:02.123000Z");
    EXPECT_EQ(decode(decoder.get(), framed(7, body)).substr(0, 12), "INVALID_AVRO");
    const std::string_view not_avro = "{}";
    EXPECT_EQ(decoder_of_schema(mapping, MessageFormat::avro, {&not_avro, 1}, &error, &wrong), nullptr);
    EXPECT_NE(wrong.text[0], '\0');
    EXPECT_EQ(decoder_of_schema("{}", MessageFormat::avro, {&schema, 1}, &error, &wrong), nullptr);
    EXPECT_EQ(wrong.text[0], '\0');
    EXPECT_NE(error.problem[0], '\0');
}

// Returns the reading of a message. `time` is the event_timestamp of the mapping. `types` is the part of the
// Avro schema that declares the fields for the time, and `bytes` has the values of these fields.
std::string read_times(const std::string &time, const std::string &types, const std::string &bytes) {
    const DecoderPointer decoder = make(Fields{"'key'", "'/bpm'", time}.json(), MessageFormat::avro);
    EXPECT_TRUE(add(decoder.get(), 1, MessagePart::value,
                    "{'type':'record','name':'R','fields':[{'name':'bpm','type':'int'}," + types + "]}"));
    return decode(decoder.get(), framed(1, varint(74) + bytes));
}

std::string field(const std::string &name, const std::string &type, const std::string &logical) {
    return "{'name':'" + name + "','type':{'type':'" + type + "','logicalType':'" + logical + "'}}";
}

TEST(DecoderOfFormats, TakesTimesOfLogicalTypes) {
    const std::string at = "'/at'", instant = "K 74 2026-11-22T14:39:02.123456Z";
    const int64_t us = 1'795'358'342'123'456;
    EXPECT_EQ(read_times(at, field("at", "long", "timestamp-micros"), varint(us)), instant);
    EXPECT_EQ(read_times(at, field("at", "long", "timestamp-nanos"), varint(us * 1000)), instant);
    EXPECT_EQ(read_times(at, field("at", "long", "local-timestamp-micros"), varint(us)), instant);
    EXPECT_EQ(read_times("{'at':'/at','zone':'+01:00'}", field("at", "long", "local-timestamp-micros"),
                         varint(us + 3'600'000'000)),
              instant);
    EXPECT_EQ(read_times("{'at':'/at','date':'/day'}",
                         field("at", "int", "time-millis") + "," + field("day", "int", "date"),
                         varint(52'742'123) + varint(20'779)),
              "K 74 2026-11-22T14:39:02.123000Z");
}

TEST(DecoderOfFormats, TakesThePlainNumberIfTheMappingNamesAUnit) {
    EXPECT_EQ(read_times("{'at':'/at','unit':'s'}", field("at", "long", "timestamp-millis"), varint(1)),
              "K 74 1970-01-01T00:00:01Z");
    EXPECT_EQ(read_times("'/at'", field("at", "long", "timestamp-millis"), varint(1)),
              "K 74 1970-01-01T00:00:00.001000Z");
}

TEST(DecoderOfFormats, RefusesATimeThatCountsSomethingElse) {
    EXPECT_EQ(read_times("'/at'", field("at", "int", "date"), varint(1)).substr(0, 17), "INVALID_TIMESTAMP");
    EXPECT_EQ(read_times("'/at'", field("at", "int", "time-millis"), varint(1)).substr(0, 17),
              "INVALID_TIMESTAMP");
    EXPECT_EQ(read_times("'/at'", field("at", "long", "timestamp-micros"), varint(INT64_MAX)).substr(0, 17),
              "INVALID_TIMESTAMP");
    EXPECT_EQ(read_times("{'at':'/at','date':'/day'}",
                         field("at", "int", "time-millis") + "," + field("day", "int", "date"),
                         varint(86'400'000) + varint(1))
                  .substr(0, 17),
              "INVALID_TIMESTAMP");
    EXPECT_EQ(read_times("'/at'", "{'name':'at','type':'long'}", varint(1)).substr(0, 10), "WRONG_TYPE");
}

} // namespace
} // namespace heartbeat
