// Unit test: the samples are equal copies of messages, and their number and size stay within the limits.
#include "decode/message_samples.h"

#include "decode/header_reader.h"

#include <gtest/gtest.h>
#include <memory>
#include <string>
#include <tuple>

namespace heartbeat {
namespace {

using SamplesPointer = std::unique_ptr<MessageSamples, void (*)(MessageSamples *)>;

SamplesPointer make(size_t max_messages, size_t max_bytes) {
    return {message_samples_create(max_messages, max_bytes), message_samples_destroy};
}

MessageView message(int32_t partition, int64_t offset, std::string_view payload) {
    MessageView view;
    view.partition = partition;
    view.offset = offset;
    view.payload = {payload.data(), payload.size()};
    return view;
}

DecodeResult take(const SamplesPointer &samples, const MessageView &view) {
    Decoded decoded;
    return message_samples_decoder(samples.get())->decode(view, &decoded);
}

std::string_view text(const MessageBytes &piece) {
    return {static_cast<const char *>(piece.data), piece.size};
}

TEST(MessageSamples, KeepEachFieldOfAMessage) {
    const SamplesPointer samples = make(10, 1000);
    EXPECT_TRUE(message_samples_decoder(samples.get())->reads_headers());
    {
        std::string key = "KEY", payload = "{}", name = "user", value = "U-1";
        const MessageHeader headers[] = {{name, {value.data(), value.size()}}, {"none", {}}, {"", {"", 0}}};
        MessageView view = message(3, 17, payload);
        view.key = {key.data(), key.size()};
        view.kafka_time = 5;
        view.leader_epoch = 2;
        view.headers = headers;
        view.header_count = 3;
        EXPECT_EQ(take(samples, view), DecodeResult::ignored);
        for (std::string *one : {&key, &payload, &name, &value})
            one->assign(one->size(), '#');
    }
    ASSERT_EQ(message_samples_count(samples.get()), 1U);
    const MessageView copy = message_samples_view(samples.get(), 0);
    EXPECT_EQ(copy.partition, 3);
    EXPECT_EQ(copy.offset, 17);
    EXPECT_EQ(copy.kafka_time, 5);
    EXPECT_EQ(copy.leader_epoch, 2);
    EXPECT_EQ(text(copy.key), "KEY");
    EXPECT_EQ(text(copy.payload), "{}");
    ASSERT_EQ(copy.header_count, 3U);
    EXPECT_EQ(copy.headers[0].name, "user");
    EXPECT_EQ(text(copy.headers[0].value), "U-1");
    EXPECT_EQ(copy.headers[1].value.data, nullptr);
    EXPECT_NE(copy.headers[2].value.data, nullptr);
    EXPECT_FALSE(message_samples_full(samples.get()));
}

TEST(MessageSamples, NullIsNotEmpty) {
    const SamplesPointer samples = make(10, 1000);
    MessageView tombstone;
    tombstone.key = {"", 0};
    take(samples, tombstone);
    const MessageView copy = message_samples_view(samples.get(), 0);
    EXPECT_EQ(copy.payload.data, nullptr);
    EXPECT_NE(copy.key.data, nullptr);
    EXPECT_EQ(copy.key.size, 0U);
}

TEST(MessageSamples, KeepNoMoreThanTheirRoom) {
    const SamplesPointer few = make(2, 1000), small = make(10, 10);
    for (int i = 0; i < 3; i++)
        EXPECT_EQ(take(few, message(0, i, "x")), DecodeResult::ignored);
    EXPECT_EQ(message_samples_count(few.get()), 2U);
    EXPECT_TRUE(message_samples_full(few.get()));
    take(small, message(0, 0, "1234567"));
    EXPECT_FALSE(message_samples_full(small.get()));
    take(small, message(0, 1, "1234"));
    EXPECT_TRUE(message_samples_full(small.get()));
    take(small, message(0, 2, "123"));
    EXPECT_EQ(message_samples_count(small.get()), 2U);
}

TEST(MessageSamples, KeepTheNewestByKafkaTimeInTheOrderOfOffsets) {
    const SamplesPointer samples = make(10, 1000);
    for (const auto &[partition, offset, time] :
         {std::tuple{1, 8, 30}, {0, 9, 20}, {1, 7, 20}, {0, 2, 10}, {0, 3, 20}}) {
        const std::string payload = std::to_string(partition * 10 + offset);
        MessageView view = message(partition, offset, payload);
        view.kafka_time = time;
        take(samples, view);
    }
    const auto order = [&] {
        std::string payloads;
        for (size_t i = 0; i < message_samples_count(samples.get()); i++)
            payloads += std::string(text(message_samples_view(samples.get(), i).payload)) + " ";
        return payloads;
    };
    message_samples_keep_newest(samples.get(), 5);
    EXPECT_EQ(order(), "2 3 9 17 18 ");
    message_samples_keep_newest(samples.get(), 3);
    EXPECT_EQ(order(), "9 17 18 ");
}

} // namespace
} // namespace heartbeat
