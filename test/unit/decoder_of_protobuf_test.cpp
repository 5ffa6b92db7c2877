// Unit test: decoders of Protobuf messages in the frame of Confluent: schemas that are together larger than
// the cache, and mappings that read a Timestamp and also a part of it.
#include "decode/decoder_of_mapping.h"
#include "decode/schema_cache.h"

#include "mapping_examples.h"
#include "protobuf_examples.h"

namespace heartbeat {
namespace {

// A decoder of messages in which a field of the key is the customer. The values' schemas have even ids.
class ProtobufDecoder {
  public:
    explicit ProtobufDecoder(const std::string &mapping) {
        MappingError error;
        decoder_ = decoder_of_mapping(mapping, &error, MessageFormat::protobuf);
        EXPECT_NE(decoder_, nullptr) << error.pointer << " " << error.problem;
    }
    ~ProtobufDecoder() { decoder_destroy(decoder_); }
    ProtobufDecoder(const ProtobufDecoder &) = delete;
    ProtobufDecoder &operator=(const ProtobufDecoder &) = delete;

    SchemaCache *cache() { return decoder_->schema_cache(); }

    void add(int32_t id, MessagePart part, const std::string &set) {
        const std::string_view view = set;
        EXPECT_TRUE(cache()->add({id, part}, {&view, 1}));
    }

    std::string decode(char value_id, const Bytes &value, const std::string &key) {
        Decoded decoded;
        const std::string payload = framed(value_id, value);
        const MessageView view{.key = {key.data(), key.size()}, .payload = {payload.data(), payload.size()}};
        switch (decoder_->decode(view, &decoded)) {
        case DecodeResult::ignored:
            return "ignored";
        case DecodeResult::failed:
            return decode_error_name(decoded.error.code) + std::string(": ") + decoded.error.text;
        case DecodeResult::needs_schema:
            return "needs " + std::to_string(cache()->wanted().id);
        case DecodeResult::decoded:
            break;
        }
        return reading_text(decoded.readings[0]);
    }

    static std::string framed(char id, const Bytes &message) {
        return std::string("\0\0\0\0", 4) + id + std::string(1, '\0') + message.text;
    }

  private:
    Decoder *decoder_ = nullptr;
};

const Bytes well_known = pb_well_known(
    {pb_message("Timestamp", {pb_field("seconds", 1, PbType::int64), pb_field("nanos", 2, PbType::int32)})});
const Bytes value_type = pb_message("V", {pb_field("bpm", 1, PbType::int32),
                                          pb_field("at", 2, PbType::message, ".google.protobuf.Timestamp")});
const std::string value_set = pb_set({well_known, pb_file("proto3", {value_type})});
const std::string key_set =
    pb_set({pb_file("proto3", {pb_message("K", {pb_field("id", 1, PbType::string)})})});
const std::string key = ProtobufDecoder::framed(9, Bytes().bytes(1, std::string("P")));

Bytes message(uint64_t nanos) {
    return Bytes().varint(1, 74).bytes(2, Bytes().varint(1, 1'795'444'742).varint(2, nanos));
}

TEST(DecoderOfProtobuf, KeepsTheSchemasOfAKeyAndItsValue) {
    ProtobufDecoder decoder(Fields{"'key/id'", "'/bpm'", "'/at'"}.json());
    const std::string filling =
        Bytes().bytes(1000, std::string(SchemaCache::schema_bytes_kept * 5 / 8, 'x')).text;
    const std::string expected = "P 74 2026-11-23T14:39:02Z";
    decoder.add(8, MessagePart::value, value_set + filling);
    EXPECT_EQ(decoder.decode(8, message(0), key), "needs 9");
    decoder.add(9, MessagePart::key, key_set + filling);
    EXPECT_EQ(decoder.decode(8, message(0), key), expected);
    // the schema of the next value replaces the schema of the previous value
    EXPECT_EQ(decoder.decode(10, message(0), key), "needs 10");
    decoder.add(10, MessagePart::value, value_set + filling);
    EXPECT_EQ(decoder.decode(10, message(0), key), expected);
    EXPECT_EQ(decoder.decode(8, message(0), key), "needs 8");
    // a refused schema needs no room
    EXPECT_TRUE(decoder.cache()->refuse({8, MessagePart::value}, DecodeErrorCode::invalid_protobuf, "no"));
    EXPECT_EQ(decoder.decode(8, message(0), key), "INVALID_PROTOBUF: no");
    EXPECT_EQ(decoder.decode(10, message(0), key), expected);
}

TEST(DecoderOfProtobuf, ReadsATimestampAndItsParts) {
    const auto decode = [](const std::string &condition, uint64_t nanos) {
        ProtobufDecoder decoder(
            quoted("{'customer_id':'key/id','heart_rate':'/bpm','event_timestamp':'/at','when':{" +
                   condition + "}}"));
        decoder.add(8, MessagePart::value, value_set);
        decoder.add(9, MessagePart::key, key_set);
        return decoder.decode(8, message(nanos), key);
    };
    EXPECT_EQ(decode("'/at/nanos':0", 0), "P 74 2026-11-23T14:39:02Z");
    EXPECT_EQ(decode("'/at/nanos':0", 5000), "ignored");
    EXPECT_EQ(decode("'/at/nanos':5000", 5000), "P 74 2026-11-23T14:39:02.000005Z");
    EXPECT_EQ(decode("'/at/*':5000", 5000), "P 74 2026-11-23T14:39:02.000005Z");
    EXPECT_EQ(decode("'/at/*':1", 5000), "ignored");
    EXPECT_EQ(decode("'/at/minutes':null", 0), "P 74 2026-11-23T14:39:02Z");
}

} // namespace
} // namespace heartbeat
