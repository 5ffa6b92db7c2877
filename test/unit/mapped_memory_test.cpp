// Unit test: the memory of mapped decoding. Usual messages need no allocation. A giant message can use memory
// only up to a limit, and the decoder then frees this memory. A message does not become a dead letter because
// an allocation failed.
#include "failing_allocations.h"
#include "mapping_examples.h"

namespace heartbeat {
namespace {

const char samples[] =
    R"({"each":"/s","customer_id":"/id","device_id":"each/d","heart_rate":"each/v",)"
    R"("event_timestamp":{"at":"/t","zone":"Europe/Berlin","plus":"name","plus_unit":"s"}})";

std::string message_of(size_t count) {
    std::string text = R"({"id":"CUST-1","t":"2026-11-22T14:39:02","s":[)";
    for (size_t i = 0; i < count; i++)
        text += (i == 0 ? "" : ",") + (R"({"v":)" + std::to_string(60 + i % 50)) + R"(,"d":)" +
                std::to_string(i) + "}";
    return text + "]}";
}

MessageView view_of(const std::string &payload) {
    MessageView view;
    view.payload = {payload.data(), payload.size()};
    return view;
}

// The number of C++ allocations while one message is decoded.
long count_allocations(MappedDecoder *decoder, const MessageView &view) {
    constexpr long many = 1'000'000;
    DecodeError error;
    allocations_left = many;
    const DecodeResult result = decoder->decode(view, &error);
    const long used = many - allocations_left.exchange(no_limit);
    EXPECT_NE(result, DecodeResult::failed) << error.text;
    return used;
}

TEST(MappedMemory, UsualMessagesNeedNoAllocation) {
    const MappingPointer mapping = compile(samples);
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const std::string many = message_of(60), few = message_of(1), none = message_of(0);
    for (const std::string *payload : {&many, &few, &none})
        count_allocations(&decoder, view_of(*payload));
    for (const std::string *payload : {&few, &many, &none, &many, &few}) {
        EXPECT_EQ(count_allocations(&decoder, view_of(*payload)), 0);
    }
    EXPECT_EQ(decoder.readings().size(), 1U);
}

TEST(MappedMemory, GiantsAreGivenBack) {
    const MappingPointer mapping = compile(samples);
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const std::string giant = message_of(90'000), small = message_of(2);
    EXPECT_GT(giant.size(), message_bytes_kept);
    EXPECT_GT(count_allocations(&decoder, view_of(giant)), 0);
    EXPECT_EQ(decoder.readings().size(), 90'000U);
    EXPECT_GT(count_allocations(&decoder, view_of(small)), 0) << "the memory of the giant has been freed";
    EXPECT_EQ(count_allocations(&decoder, view_of(small)), 0);
}

TEST(MappedMemory, AMillionSamples) {
    const MappingPointer mapping =
        compile(Fields{"'key'", "'each'", "'kafka/timestamp'", "'each':'value'"}.json());
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    const auto array = [](size_t count) {
        std::string text = "[0";
        while (--count > 0)
            text += ",0";
        return text + "]";
    };
    const std::string million = array(1'000'000), most = array(message_readings_max);
    MessageView view = view_of(most);
    view.key = {"K", 1};
    view.kafka_time = 0;
    DecodeError error;
    EXPECT_EQ(decoder.decode(view, &error), DecodeResult::decoded);
    EXPECT_EQ(decoder.readings().size(), message_readings_max);
    view.payload = {million.data(), million.size()};
    EXPECT_EQ(decode(&decoder, view),
              "WRONG_TYPE: message has more than 100000 readings; expected at most 100000");
}

TEST(MappedMemory, MadeTextsAreBounded) {
    const MappingPointer mapping =
        compile(Fields{"['/id','name']", "'each'", "'kafka/timestamp'", "'each':'/s'"}.json());
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    std::string payload = R"({"id":")" + std::string(240, 'x') + R"(","s":[0)";
    for (size_t i = 1; i < 90'000; i++)
        payload += ",0";
    payload += "]}";
    MessageView view = view_of(payload);
    view.kafka_time = 0;
    EXPECT_EQ(decode(&decoder, view),
              "WRONG_TYPE: message makes more than 16777216 bytes of customer ids and device "
              "ids; expected fewer");
}

// The message has many members and many elements. The decoder searches the members only once. If the decoder
// searched the members again for each element, the decoding would take minutes.
TEST(MappedMemory, PartsOfJoinedPlacesAreFoundOnce) {
    const MappingPointer mapping =
        compile(Fields{"['/id','name']", "'/rate'", "{'at':'/t','unit':'s','plus':'/p','plus_unit':'s'}",
                       "'each':'/s','device_id':['key','each']"}
                    .json());
    MappedMemory memory;
    MappedDecoder decoder(*mapping, &memory);
    std::string payload = "{";
    for (size_t i = 0; i < 200'000; i++)
        payload += "\"" + std::to_string(i) + "\":0,";
    payload += R"("id":"A","rate":74,"t":0,"p":1,"s":[0)";
    for (size_t i = 1; i < 50'000; i++)
        payload += ",0";
    payload += "]}";
    const std::string key(150, 'k');
    MessageView view = view_of(payload);
    view.key = {key.data(), key.size()};
    DecodeError error;
    EXPECT_EQ(decoder.decode(view, &error), DecodeResult::decoded) << error.text;
    ASSERT_EQ(decoder.readings().size(), 50'000U);
    EXPECT_EQ(reading_text(decoder.readings()[49'999]), "A/49999 " + key + "/0 74 1970-01-01T00:00:01Z");
}

TEST(MappedMemory, AFailedAllocationIsNoFaultOfTheMessage) {
    const std::string payload = message_of(5000); // more readings than fit into the first allocation
    long failures = 0;
    for (bool done = false; !done && failures < 1000; failures++) {
        const MappingPointer mapping = compile(samples);
        MappedMemory memory;
        MappedDecoder decoder(*mapping, &memory);
        const MessageView view = view_of(payload);
        DecodeError error;
        allocations_left = failures;
        const DecodeResult result = decoder.decode(view, &error);
        done = allocations_left.exchange(no_limit) >= 0;
        if (result == DecodeResult::failed)
            EXPECT_EQ(error.code, DecodeErrorCode::out_of_memory) << error.text;
        else
            EXPECT_EQ(decoder.readings().size(), 5000U);
        EXPECT_EQ(decoder.decode(view, &error), DecodeResult::decoded);
        EXPECT_EQ(decoder.readings().size(), 5000U);
    }
    EXPECT_GT(failures, 5);
}

TEST(MappedMemory, AMappingIsWholeOrRefused) {
    // A process loads the time zones only once: this call loads them, and the attempts below do not.
    const MappingPointer first = compile(samples);
    long failures = 0;
    for (bool done = false; !done && failures < 5000; failures++) {
        MappingError error{};
        allocations_left = failures;
        const Mapping *const mapping = mapping_compile(samples, &error);
        done = allocations_left.exchange(no_limit) >= 0;
        EXPECT_EQ(mapping == nullptr, !done) << failures;
        EXPECT_TRUE(done || error.out_of_memory) << error.pointer << " " << error.problem;
        mapping_destroy(mapping);
    }
    EXPECT_GT(failures, 20);
}

} // namespace
} // namespace heartbeat
