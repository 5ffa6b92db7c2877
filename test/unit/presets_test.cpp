// Unit test: each preset reads the sample message of its layout in test/presets.
#include "decode/presets.h"

#include "decode/decode_json.h"
#include "decode/reading.h"
#include "mapping_examples.h"

namespace heartbeat {
namespace {

std::string sample(const std::string &name) {
    return read_file("test/presets/" + name + ".json");
}

std::string decode_sample(const std::string &name) {
    const Preset *const preset = preset_find(name);
    if (preset == nullptr)
        return "there is no such preset";
    EXPECT_STREQ(preset->format, "json");
    return decode(preset->mapping, {sample(name), "KEY-1"});
}

TEST(Presets, EachReadsItsSample) {
    EXPECT_EQ(decode_sample("heartbeat"), "CUST-0007 74 2026-11-22T14:39:02.123456Z");
    // the preset radar reads Avro; here the mapping of this preset reads the same key and value as JSON
    EXPECT_EQ(decode(preset_find("radar")->mapping,
                     {sample("radar"), R"({"projectId":"trial","userId":"U-1","sourceId":"S-1"})"}),
              "U-1 S-1 74 2026-11-22T14:39:02.500000Z");
    EXPECT_EQ(decode_sample("fhir-observation"), "p-1042 monitor-3 74.5 2026-11-22T14:39:02Z");
    EXPECT_EQ(decode_sample("open-mhealth"), "user-17 ward-gateway 58 2026-11-22T14:39:02Z");
    EXPECT_EQ(decode_sample("health-connect"), "KEY-1 Acme/Band 4 71 2026-11-22T14:39:02Z; "
                                               "KEY-1 Acme/Band 4 73 2026-11-22T14:39:17.250000Z; "
                                               "KEY-1 Acme/Band 4 72 2026-11-22T14:39:32Z");
    EXPECT_EQ(decode_sample("garmin-push"),
              "b0b1c2d3 75 2026-11-21T23:00:15Z; b0b1c2d3 73 2026-11-21T23:00:30Z; "
              "b0b1c2d3 55 2026-11-21T23:53:00Z");
    EXPECT_EQ(decode_sample("fitbit-intraday"),
              "KEY-1 64 2026-11-22T00:00:00Z; KEY-1 63 2026-11-22T00:00:10Z; "
              "KEY-1 66 2026-11-22T23:59:55Z");
}

// For each payload of this test, the preset of heartbeat's own layout and decode_json() must return the same
// reading, or the same error code.
TEST(Presets, TheOwnLayout) {
    const char *const own = preset_find("heartbeat")->mapping;
    const auto document = [](const std::string &id, const std::string &rate, const std::string &time) {
        return "{\"event_timestamp\":" + time + ",\"x\":{},\"heart_rate\":" + rate +
               ",\"customer_id\":" + id + "}";
    };
    const std::string id = "\"CUST-1\"", time = "\"2026-11-22T14:39:02.5Z\"";
    for (const std::string &payload :
         {document(id, "74", time), document("7", "74.5", time), document("\"\"", "74", time),
          document("{}", "74", time), document("1.5", "74", time), document(id, "\"74\"", time),
          document(id, "74", "\"yesterday\""), document(id, "74", "5"), document(id, "1e999", time),
          std::string("[]"), std::string("5"), std::string("{}"), std::string("{"),
          std::string("{\"a\":1,\"a\":1}")}) {
        Reading reading;
        DecodeError error;
        const bool is_reading = decode_json(payload.data(), payload.size(), &reading, &error);
        const std::string decoded = decode(own, {payload});
        if (is_reading)
            EXPECT_EQ(decoded, reading_text({{reading.customer_id, reading.customer_id_size},
                                             "",
                                             reading.heart_rate,
                                             reading.event_time}));
        else
            EXPECT_EQ(decoded.substr(0, decoded.find(':')), decode_error_name(error.code)) << payload;
    }
}

TEST(Presets, Names) {
    const size_t count = 7; // if you add a preset, also add its sample to the test EachReadsItsSample
    EXPECT_EQ(presets().size(), count);
    for (const Preset &preset : presets()) {
        EXPECT_EQ(preset_find(preset.name), &preset);
        EXPECT_NE(compile(preset.mapping), nullptr) << preset.name;
    }
    EXPECT_EQ(preset_find("garmin"), nullptr);
    EXPECT_EQ(preset_find(""), nullptr);
}

TEST(Presets, OtherMessagesAreIgnored) {
    const char *const fhir = preset_find("fhir-observation")->mapping;
    EXPECT_EQ(decode(fhir, {R"({"resourceType":"Patient"})"}), "ignored");
    EXPECT_EQ(
        decode(fhir,
               {R"({"resourceType":"Observation","status":"final","code":{"coding":[{"code":"8480-6"}]}})"}),
        "ignored");
    std::string wrong = sample("fhir-observation");
    ASSERT_NE(wrong.find("\"final\""), std::string::npos);
    wrong.replace(wrong.find("\"final\""), 7, "\"entered-in-error\"");
    EXPECT_EQ(decode(fhir, {wrong}), "ignored");
    EXPECT_EQ(
        decode(preset_find("open-mhealth")->mapping, {R"({"header":{"schema_id":{"name":"step-count"}}})"}),
        "ignored");
}

} // namespace
} // namespace heartbeat
