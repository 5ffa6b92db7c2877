// Unit test: for messages of real layouts, the first suggestion is a preset or a mapping that reads all
// messages. For other data there is no suggestion.
#include "decode/suggest.h"

#include "decode/presets.h"
#include "decode/sample_schema_set.h"
#include "mapping_examples.h"
#include "sources_document.h"

#include <map>
#include <utility>

namespace heartbeat {
namespace {

struct Suggested {
    std::string preset, mapping;
    size_t fits;
};

std::vector<Suggested> suggest_for(const std::vector<Message> &messages) {
    const std::unique_ptr<MessageSamples, void (*)(MessageSamples *)> samples(
        message_samples_create(samples_max, samples_bytes_max), message_samples_destroy);
    for (size_t i = 0; i < messages.size(); i++) {
        std::vector<MessageHeader> headers;
        for (const auto &[name, value] : messages[i].headers)
            headers.push_back({name, {value.data(), value.size()}});
        MessageView view;
        view.offset = static_cast<int64_t>(i);
        view.payload = {messages[i].payload.data(), messages[i].payload.size()};
        view.key = {messages[i].key.data(), messages[i].key.size()};
        view.headers = headers.data();
        view.header_count = headers.size();
        view.kafka_time = messages[i].kafka_time;
        Decoded decoded;
        message_samples_decoder(samples.get())->decode(view, &decoded);
    }
    const SampleSchemas schemas(MessageFormat::json);
    const std::unique_ptr<const Suggestions, void (*)(const Suggestions *)> suggestions(
        suggest(samples.get(), schemas, nullptr), suggestions_destroy);
    std::vector<Suggested> found;
    for (size_t i = 0; i < suggestions_count(suggestions.get()); i++) {
        const Suggestion one = suggestions_get(suggestions.get(), i);
        EXPECT_STREQ(one.format, "json");
        EXPECT_EQ(one.preset == nullptr, one.mapping != nullptr);
        found.push_back(
            {one.preset == nullptr ? "" : one.preset, one.mapping == nullptr ? "" : one.mapping, one.fits});
    }
    return found;
}

std::vector<Suggested> suggest_for(const std::string &payload) {
    return suggest_for(std::vector<Message>{{quoted(payload)}});
}

// The readings of the first message, decoded with the first suggestion.
std::string read_first(const std::vector<Message> &messages) {
    const std::vector<Suggested> found = suggest_for(messages);
    if (found.empty())
        return "nothing is suggested";
    const std::string mapping =
        found[0].preset.empty() ? found[0].mapping : preset_find(found[0].preset)->mapping;
    return decode(mapping, messages[0]) + (found[0].fits == messages.size() ? "" : " and not all");
}

TEST(Suggest, EachPresetIsSuggestedForItsSample) {
    for (const Preset &preset : presets()) {
        if (std::string_view(preset.format) != "json")
            continue;
        const std::vector<Suggested> found = suggest_for(
            std::vector<Message>{{read_file("test/presets/" + std::string(preset.name) + ".json")}});
        ASSERT_FALSE(found.empty()) << preset.name;
        EXPECT_EQ(found[0].preset, preset.name);
        EXPECT_EQ(found[0].fits, 1U);
    }
}

// The first suggestion reads each layout as docs/sources.md shows, except the layouts in `others`. For the
// layouts in `others` a person must choose a value. Examples of such a value are the zone of local times, an
// id from a list, the prefix of an id, or a device with an unclear name.
TEST(Suggest, CommonLayoutsAreReadAsTheDocumentSays) {
    const std::map<std::string, std::string> others = {
        {"Numbers as text", "42 74.5 2026-11-23T14:39:02.500000Z"},
        {"A batch of readings", "P-1 74 2026-07-01T14:39:02Z; P-2 81 2026-12-01T14:39:02Z"},
        {"Apple Health by Health Auto Export",
         "KEY-1 72 2026-11-22T22:30:00Z; KEY-1 71.5 2026-11-22T22:31:00Z"},
        {"HL7 timestamps", "1042 74 2026-11-22T13:39:02.500000Z"},
        {"Polar AccessLink", "https://www.polaraccesslink/v3/users/1 63 2026-11-22T00:02:08Z; "
                             "https://www.polaraccesslink/v3/users/1 62 2026-11-22T00:07:08Z"}};
    for (const DocumentLayout &layout : document_layouts()) {
        const auto other = others.find(layout.name);
        EXPECT_EQ(read_first({{layout.blocks[1]}}), other == others.end() ? layout.readings() : other->second)
            << layout.name;
    }
}

TEST(Suggest, OtherDataHasNoSuggestion) {
    for (const std::string &payload :
         {std::string(""), std::string("not JSON"), std::string("{}"), std::string("[]"), std::string("74"),
          std::string("null"), std::string("{'a':50}"), std::string("{'id':'x','value':74}"),
          std::string("{'temperature':36.6,'time':'2026-11-22T14:39:02Z','user':'U-1'}"),
          std::string("{'hr':'high','time':'2026-11-22T14:39:02Z','user':'U-1'}"),
          std::string("{'hr':7400,'time':'2026-11-22T14:39:02Z','user':'U-1'}"),
          std::string("{'time':'2026-11-22T14:39:02Z','user':'U-1','steps':74}")})
        EXPECT_TRUE(suggest_for(payload).empty()) << payload;
    EXPECT_TRUE(suggest_for(std::vector<Message>()).empty());
}

TEST(Suggest, TheKeyAndTheKafkaTimeStandInForMissingFields) {
    EXPECT_EQ(read_first({{quoted("{'bpm':74}")}}), "KEY-1 74 2026-11-23T14:39:02.123000Z");
    EXPECT_EQ(read_first({{quoted("{'bpm':74}"), "", {{"user", "U-1"}}}}),
              "U-1 74 2026-11-23T14:39:02.123000Z");
    EXPECT_EQ(read_first({{quoted("{'bpm':74}"), quoted("{'userId':'U-1'}")}}),
              "U-1 74 2026-11-23T14:39:02.123000Z");
}

TEST(Suggest, UnitsAreFoundByMagnitude) {
    for (const auto &[time, digits] : {std::pair{"1795444742", "2026-11-23T14:39:02Z"},
                                       {"1795444742.5", "2026-11-23T14:39:02.500000Z"},
                                       {"1795444742123", "2026-11-23T14:39:02.123000Z"},
                                       {"1795444742123456", "2026-11-23T14:39:02.123456Z"},
                                       {"1795444742123456000", "2026-11-23T14:39:02.123456Z"},
                                       {"'1795444742'", "2026-11-23T14:39:02Z"}})
        EXPECT_EQ(read_first({{quoted("{'user':'U','hr':74,'t':'x','ts':" + std::string(time) + "}")}}),
                  std::string("U 74 ") + digits);
    EXPECT_EQ(read_first({{quoted("{'user':'U','rrInterval':800,'ts':1795444742}")}}),
              "U 75 2026-11-23T14:39:02Z");
    EXPECT_EQ(read_first({{quoted("{'user':'U','rrInterval':0.8,'ts':1795444742}")}}),
              "U 75 2026-11-23T14:39:02Z");
}

TEST(Suggest, AKindOfMessagesBecomesACondition) {
    std::vector<Message> messages;
    for (int i = 0; i < 4; i++) {
        messages.push_back({quoted("{'op':'c','after':{'user':'U','hr':74,'ts':1795444742}}")});
        messages.push_back({quoted("{'op':'d','after':null}")});
    }
    const std::vector<Suggested> found = suggest_for(messages);
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].fits, 4U);
    EXPECT_NE(found[0].mapping.find(quoted("'when': {'/op': 'c'}")), std::string::npos) << found[0].mapping;
    EXPECT_EQ(decode(found[0].mapping, messages[1]), "ignored");
}

// A condition on `/point/0/type` would test only the first element, and would then read all elements.
TEST(Suggest, AConditionTestsTheElementThatTheMappingReads) {
    const auto point = [](const char *type, int value) {
        return std::string("{'type':'") + type +
               "','time':1795444742,'value':[{'number':" + std::to_string(value) + "}]}";
    };
    const std::vector<Suggested> found =
        suggest_for("{'user':'U','point':[" + point("com.google.heart_rate.bpm", 74) + "]}");
    ASSERT_FALSE(found.empty());
    EXPECT_NE(found[0].mapping.find(quoted("'when': {'each/type': 'com.google.heart_rate.bpm'}")),
              std::string::npos)
        << found[0].mapping;
    const std::string mixed = "{'user':'U','point':[" + point("com.google.heart_rate.bpm", 74) + "," +
                              point("com.google.step_count.delta", 120) + "]}";
    EXPECT_EQ(decode(found[0].mapping, {quoted(mixed)}), "U 74 2026-11-23T14:39:02Z");
}

TEST(Suggest, TheMappingThatReadsMoreIsFirst) {
    std::vector<Message> messages(6);
    for (size_t i = 0; i < messages.size(); i++)
        messages[i] = {i % 3 == 0 ? quoted("{'user':'U','bpm':74,'ts':1795444742}")
                                  : quoted("{'user':'U','pulse':74,'ts':1795444742}")};
    const std::vector<Suggested> found = suggest_for(messages);
    ASSERT_GE(found.size(), 2U);
    EXPECT_EQ(found[0].fits, 4U);
    EXPECT_NE(found[0].mapping.find("/pulse"), std::string::npos);
    EXPECT_EQ(found.back().fits, 2U);
    EXPECT_LE(found.size(), suggestions_max);
}

TEST(Suggest, NamesWithAnyCharactersBecomePlaces) {
    EXPECT_EQ(read_first({{quoted("{'a/b~c ü':{'user':'U','hr':74,'ts':1795444742}}")}}),
              "U 74 2026-11-23T14:39:02Z");
    EXPECT_EQ(read_first({{R"({"a\"\\\u0001":{"user":"U","hr":74,"ts":1795444742}})"}}),
              "U 74 2026-11-23T14:39:02Z");
}

// The first suggestion for messages that have these payloads and different keys.
std::string mapping_for(const std::vector<std::string> &payloads) {
    std::vector<Message> messages;
    messages.reserve(payloads.size());
    for (size_t i = 0; i < payloads.size(); i++)
        messages.push_back({quoted(payloads[i]), "KEY-" + std::to_string(i)});
    const std::vector<Suggested> found = suggest_for(messages);
    if (found.empty())
        return "nothing is suggested";
    EXPECT_EQ(found[0].fits, messages.size()) << found[0].mapping;
    return found[0].mapping;
}

bool has_part(const std::string &mapping, const std::string &part) {
    return mapping.find(quoted(part)) != mapping.npos;
}

TEST(Suggest, AModelIsNoCustomerAndADeviceIdIsADevice) {
    const std::string series =
        "{'status':0,'body':{'series':{'1795444742':{'heart_rate':74,'model':'ScanWatch',"
        "'model_id':93,'deviceid':'d-1'}}}}";
    EXPECT_EQ(mapping_for({series, series}),
              quoted("{'each': '/body/series', 'customer_id': 'key', 'device_id': 'each/deviceid', "
                     "'heart_rate': 'each/heart_rate', 'event_timestamp': {'at':'name','unit':'s'}}"));
    EXPECT_EQ(read_first({{quoted(series)}}), "KEY-1 d-1 74 2026-11-23T14:39:02Z");
}

TEST(Suggest, AnEqualValueUnderDifferentKeysIsNoCustomer) {
    const std::string club = "{'member':'club','hr':74,'ts':1795444742}",
                      other = "{'member':'other','hr':74,'ts':1795444742}",
                      number = "{'account':7,'hr':74,'ts':1795444742}";
    EXPECT_TRUE(has_part(mapping_for({club, club}), "'customer_id': 'key'"));
    EXPECT_TRUE(has_part(mapping_for({number, number}), "'customer_id': 'key'"));
    EXPECT_TRUE(has_part(mapping_for({club, other}), "'customer_id': '/member'"));
    EXPECT_EQ(read_first({{quoted(club)}, {quoted(club)}}), "club 74 2026-11-23T14:39:02Z");
}

TEST(Suggest, DevicesAreFoundInEachSpelling) {
    for (const std::string name : {"deviceId", "deviceid", "DEVICEID", "device-id", "deviceID", "device_uid",
                                   "deviceuid", "serial", "serialnumber", "sensorid"}) {
        const std::string payload = "{'hr':74,'ts':1795444742,'" + name + "':'";
        const std::string mapping = mapping_for({payload + "d-1'}", payload + "d-2'}"});
        EXPECT_TRUE(has_part(mapping, "'customer_id': 'key'")) << mapping;
        EXPECT_TRUE(has_part(mapping, "'device_id': '/" + name + "'")) << mapping;
    }
    for (const std::string device : {"'device':{'id':'d-1'}", "'user':{'watch':{'id':'d-1'}}"}) {
        const std::string mapping = mapping_for({"{'hr':74,'ts':1795444742," + device + "}"});
        EXPECT_TRUE(has_part(mapping, "'customer_id': 'key'")) << mapping;
        EXPECT_TRUE(has_part(mapping, "'device_id': '/")) << mapping;
    }
    EXPECT_TRUE(has_part(mapping_for({"{'hr':74,'ts':1795444742,'device':{'userid':'U-1'}}"}),
                         "'customer_id': '/device/userid'"));
    EXPECT_TRUE(has_part(mapping_for({"{'hr':74,'ts':1795444742,'uid':'U-1'}"}), "'customer_id': '/uid'"));
}

TEST(Suggest, AnArrayOfOneElementIsReadAsAList) {
    EXPECT_EQ(mapping_for({"{'user':'U','sent':1795444800,'value':[{'t':1795444742,'hr':74}]}"}),
              quoted("{'each': '/value', 'customer_id': '/user', 'heart_rate': 'each/hr', "
                     "'event_timestamp': {'at':'each/t','unit':'s'}}"));
    EXPECT_EQ(mapping_for({"{'user':'U','timestamp':1795444742123,'beats':[{'hr':74}]}"}),
              quoted("{'each': '/beats', 'customer_id': '/user', 'heart_rate': 'each/hr', "
                     "'event_timestamp': {'at':'/timestamp','unit':'ms'}}"));
    EXPECT_EQ(mapping_for({"{'user':'U','timestamp':'2026-11-23T14:39:02Z','hr':[74]}"}),
              quoted("{'each': '/hr', 'customer_id': '/user', 'heart_rate': 'each', "
                     "'event_timestamp': '/timestamp'}"));
}

TEST(Suggest, NothingIsAddedToATimeThatIsComplete) {
    for (const std::string payload :
         {"{'user':'U','start':'2026-11-23T14:00:00Z','beats':[{'t':1795444742,'hr':74},{'t':1795444743,'hr':"
          "75}]}",
          "{'start':'2026-11-23T14:00:00Z','beats':[{'user':'U','hr':74},{'user':'V','hr':75}]}",
          "{'user':'U','start':'2026-11-23T14:00:00Z','beats':{'1795444742':{'hr':74},'1795444743':{'hr':75}}"
          "}"}) {
        const std::string mapping = mapping_for({payload});
        EXPECT_TRUE(has_part(mapping, "'heart_rate': 'each/hr'")) << mapping;
        EXPECT_FALSE(has_part(mapping, "'plus'")) << mapping;
    }
    EXPECT_TRUE(has_part(
        mapping_for(
            {"{'user':'U','start':'2026-11-23T14:00:00Z','beats':[{'t':0,'hr':74},{'t':1,'hr':75}]}"}),
        "'plus':'each/t','plus_unit':'s'"));
}

TEST(Suggest, GivesUpWhenAsked) {
    const std::unique_ptr<MessageSamples, void (*)(MessageSamples *)> samples(message_samples_create(1, 1000),
                                                                              message_samples_destroy);
    Decoded decoded;
    MessageView view;
    view.payload = {"{}", 2};
    message_samples_decoder(samples.get())->decode(view, &decoded);
    EXPECT_EQ(suggest(
                  samples.get(), SampleSchemas(MessageFormat::json), +[]() noexcept { return true; }),
              nullptr);
}

// The samples of Avro messages, in the frame of Confluent with the schema 7.
TEST(Suggest, ProposesFieldsOfASchema) {
    const std::unique_ptr<MessageSamples, void (*)(MessageSamples *)> samples(
        message_samples_create(10, 1000), message_samples_destroy);
    const std::string schema =
        quoted("{'type':'record','name':'Vitals','fields':[{'name':'patientId','type':'string'},"
               "{'name':'heartRate','type':['null','double']},{'name':'measured','type':"
               "{'type':'long','logicalType':'timestamp-millis'}}]}");
    // the fields: the id A, then 74.0 as the second type of the union, and a time
    const std::string value("\0\0\0\0\7\2A\2\0\0\0\0\0\x80R@\xD6\xEF\x91\xBB\xC0h", 22);
    Decoded decoded;
    MessageView view;
    view.payload = {value.data(), value.size()};
    message_samples_decoder(samples.get())->decode(view, &decoded);
    int32_t ids[4];
    size_t framed, framed_json;
    ASSERT_EQ(sample_schema_ids(samples.get(), ids, 4, &framed, &framed_json), 1U);
    EXPECT_EQ(ids[0], 7);
    EXPECT_EQ(framed, 1U);
    EXPECT_EQ(framed_json, 0U);
    SampleSchemas schemas(MessageFormat::avro);
    const std::string_view text = schema;
    schemas.add(7, {&text, 1});
    const std::unique_ptr<const Suggestions, void (*)(const Suggestions *)> suggestions(
        suggest(samples.get(), schemas, nullptr), suggestions_destroy);
    ASSERT_GT(suggestions_count(suggestions.get()), 0U);
    const Suggestion best = suggestions_get(suggestions.get(), 0);
    EXPECT_STREQ(best.format, "avro");
    EXPECT_EQ(std::string(best.mapping), quoted("{'customer_id': '/patientId', 'heart_rate': '/heartRate', "
                                                "'event_timestamp': '/measured'}"));
    EXPECT_EQ(best.fits, 1U);
}

} // namespace
} // namespace heartbeat
