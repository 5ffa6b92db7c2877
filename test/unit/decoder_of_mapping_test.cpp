// Unit test: a decoder that decoder_of_mapping() makes from a mapping returns all readings of a message, on
// any thread.
#include "decode/decoder_of_mapping.h"

#include "decode/decoder_of_heartbeat.h"
#include "decode/presets.h"
#include "mapping_examples.h"

#include <thread>

namespace heartbeat {
namespace {

using DecoderPointer = std::unique_ptr<Decoder, void (*)(Decoder *)>;

DecoderPointer make(const std::string &mapping) {
    MappingError error;
    Decoder *const decoder = decoder_of_mapping(mapping, &error);
    EXPECT_NE(decoder, nullptr) << error.pointer << " " << error.problem;
    return {decoder, decoder_destroy};
}

std::string decode(Decoder *decoder, const std::string &payload) {
    Decoded decoded;
    switch (decoder->decode({.key = {"K", 1}, .payload = {payload.data(), payload.size()}}, &decoded)) {
    case DecodeResult::ignored:
        return "ignored";
    case DecodeResult::needs_schema:
        return "needs a schema";
    case DecodeResult::failed:
        return decode_error_name(decoded.error.code);
    case DecodeResult::decoded:
        break;
    }
    std::string text;
    for (size_t i = 0; i < decoded.count; i++)
        text += (text.empty() ? "" : "; ") + reading_text(decoded.readings[i]);
    return text;
}

const std::string samples =
    Fields{"'/id'", "'each'", "{'at':'name','unit':'s'}", "'device_id':'key','each':'/s','when':{'/k':1}"}
        .json();

TEST(DecoderOfMapping, GivesAllReadings) {
    const DecoderPointer decoder = make(samples);
    EXPECT_EQ(decode(decoder.get(), R"({"k":1,"id":"A","s":{"0":74,"1":75}})"),
              "A K 74 1970-01-01T00:00:00Z; A K 75 1970-01-01T00:00:01Z");
    EXPECT_EQ(decode(decoder.get(), R"({"k":1,"id":"A","s":[]})"), "");
    EXPECT_EQ(decode(decoder.get(), R"({"k":2})"), "ignored");
    EXPECT_EQ(decode(decoder.get(), R"({"k":1})"), "MISSING_FIELD");
    EXPECT_EQ(decode(decoder.get(), R"({"k":1,"id":"A","s":[76]})"), "A K 76 1970-01-01T00:00:00Z");
}

TEST(DecoderOfMapping, MovesToAnotherThread) {
    const DecoderPointer one = make(samples), two = make(preset_find("heartbeat")->mapping);
    const std::string own = R"({"customer_id":"B","heart_rate":74,"event_timestamp":"1970-01-01T00:00:00Z"})";
    for (int round = 0; round < 3; round++) {
        EXPECT_EQ(decode(one.get(), R"({"k":1,"id":"A","s":[1]})"), "A K 1 1970-01-01T00:00:00Z");
        EXPECT_EQ(decode(two.get(), own), "B 74 1970-01-01T00:00:00Z");
        std::thread([&] {
            EXPECT_EQ(decode(two.get(), own), "B 74 1970-01-01T00:00:00Z");
            EXPECT_EQ(decode(one.get(), R"({"k":1,"id":"A","s":[2]})"), "A K 2 1970-01-01T00:00:00Z");
        }).join();
    }
}

TEST(DecoderOfMapping, ReadsHeadersOnlyIfTheMappingNamesOne) {
    EXPECT_FALSE(make(samples)->reads_headers());
    EXPECT_TRUE(make(Fields{"'header/user'"}.json())->reads_headers());
    EXPECT_TRUE(
        make(Fields{"'/id'", "'/hr'", "'/t'", "'when':{'header/type':'bpm'}"}.json())->reads_headers());
    EXPECT_FALSE(decoder_of_heartbeat()->reads_headers());
}

TEST(DecoderOfMapping, RefusesAWrongMapping) {
    MappingError error;
    EXPECT_EQ(decoder_of_mapping("{}", &error), nullptr);
    EXPECT_FALSE(error.out_of_memory);
    decoder_destroy(nullptr);
    decoder_destroy(decoder_of_heartbeat());
}

} // namespace
} // namespace heartbeat
