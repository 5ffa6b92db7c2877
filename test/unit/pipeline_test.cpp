// Unit test: the pipeline decodes a message with any decoder, classifies the readings, and adds the message
// and the readings to the batch.
#include "decode/batch_filler.h"
#include "decode/header_reader.h"
#include "decode/pipeline.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

// A decoder whose message format exists only in this test. The customer's id is the message's key. Each byte
// of the payload is the heart rate of a reading. The event time is the Kafka time, plus one microsecond for
// each earlier byte. The decoder refuses payloads that begin with !, and ignores payloads that begin with #.
// For payloads that begin with $ the decoder reports that no memory is left.
class ByteDecoder final : public Decoder {
  public:
    explicit ByteDecoder(bool reads_headers = false) : Decoder(reads_headers) {}

    DecodeResult decode(const MessageView &message, Decoded *decoded) noexcept override {
        const std::string_view payload{static_cast<const char *>(message.payload.data), message.payload.size};
        header_count = message.header_count;
        if (payload.substr(0, 1) == "#")
            return DecodeResult::ignored;
        if (payload.substr(0, 1) == "!" || payload.substr(0, 1) == "$") {
            decoded->error = {
                payload[0] == '$' ? DecodeErrorCode::out_of_memory : DecodeErrorCode::wrong_type, "refused"};
            return DecodeResult::failed;
        }
        for (size_t i = 0; i < payload.size(); i++)
            readings[i] = {{static_cast<const char *>(message.key.data), message.key.size},
                           "watch",
                           static_cast<double>(static_cast<unsigned char>(payload[i])),
                           message.kafka_time * 1000 + static_cast<int64_t>(i)};
        decoded->readings = readings;
        decoded->count = payload.size();
        return DecodeResult::decoded;
    }

    size_t header_count = 0;

  private:
    ReadingView readings[16];
};

class TwoHeaders final : public HeaderReader {
  public:
    void read(MessageView *message) const override {
        static const MessageHeader headers[] = {{"one", {"1", 1}}, {"none", {nullptr, 0}}};
        message->headers = headers;
        message->header_count = 2;
        message->unread_headers = nullptr;
    }
};

class PipelineTest : public testing::Test {
  protected:
    bool take(int64_t offset, const std::string &payload, const HeaderReader *unread_headers = nullptr) {
        MessageView message{7, offset, 1000 + offset, 3, {"CUST-1", 6}, {payload.data(), payload.size()}};
        message.unread_headers = unread_headers;
        return pipeline_take(&decoder, message, 5, &batch) == PipelineResult::taken;
    }
    std::string text(BatchBytes piece) const { return {batch.at(piece), static_cast<size_t>(piece.size)}; }

    ByteDecoder decoder;
    BatchFiller batch{100, 1 << 20};
};

TEST_F(PipelineTest, AddsAReadingWithItsClass) {
    ASSERT_TRUE(take(5, "\x4a"));
    ASSERT_TRUE(take(6, "\x20"));
    ASSERT_TRUE(take(7, "\xc8"));
    ASSERT_EQ(batch.messages.size(), 3U);
    const BatchMessage &first = batch.messages[0];
    EXPECT_FALSE(first.is_dead_letter());
    EXPECT_EQ(first.offset, 5);
    EXPECT_EQ(first.kafka_time, 1005);
    EXPECT_EQ(first.leader_epoch, 3);
    EXPECT_EQ(text(first.key), "CUST-1");
    EXPECT_EQ(text(first.payload), "\x4a");
    ASSERT_EQ(batch.readings.size(), 3U);
    EXPECT_EQ(text(batch.readings[0].customer_id), "CUST-1");
    EXPECT_EQ(text(batch.readings[0].device_id), "watch");
    EXPECT_EQ(batch.readings[0].heart_rate, 74);
    EXPECT_EQ(batch.readings[0].event_time, 1'005'000);
    EXPECT_EQ(batch.readings[0].heart_rate_class, HeartRateClass::normal);
    EXPECT_EQ(batch.readings[1].heart_rate_class, HeartRateClass::bradycardia);
    EXPECT_EQ(batch.readings[2].heart_rate_class, HeartRateClass::tachycardia);
    EXPECT_EQ(batch.readings[2].message, 2U);
    EXPECT_EQ(batch.partitions[0].partition, 7);
    EXPECT_EQ(batch.partitions[0].first_offset, 5);
    EXPECT_EQ(batch.partitions[0].next_offset, 8);
    EXPECT_EQ(batch.partitions[0].readings, 3);
}

TEST_F(PipelineTest, AddsAllReadingsOfAMessage) {
    ASSERT_TRUE(take(5, "abc"));
    ASSERT_TRUE(take(6, ""));
    ASSERT_TRUE(take(7, "d"));
    ASSERT_EQ(batch.messages.size(), 3U);
    EXPECT_EQ(batch.messages[0].readings, 3U);
    EXPECT_EQ(batch.messages[1].readings, 0U) << "a message without a reading is a message";
    EXPECT_EQ(batch.messages[2].first_reading, 3U);
    EXPECT_EQ(batch.readings[1].heart_rate, 'b');
    EXPECT_EQ(batch.readings[1].message, 0U);
    EXPECT_EQ(batch.readings[1].customer_id.position, batch.readings[0].customer_id.position) << "kept once";
    EXPECT_EQ(batch.partitions[0].messages, 3);
    EXPECT_EQ(batch.partitions[0].readings, 4);
    EXPECT_EQ(batch.partitions[0].ignored, 0);
}

TEST_F(PipelineTest, PassesAnIgnoredMessage) {
    ASSERT_TRUE(take(5, "#"));
    ASSERT_EQ(batch.messages.size(), 1U);
    EXPECT_TRUE(batch.messages[0].ignored);
    EXPECT_FALSE(batch.messages[0].is_dead_letter());
    EXPECT_EQ(batch.partitions[0].ignored, 1);
    EXPECT_EQ(batch.partitions[0].messages, 1);
    EXPECT_EQ(batch.partitions[0].next_offset, 6);
    EXPECT_EQ(batch.partitions[0].last_offset, 5) << "its mark shows later whether the log is the same";
}

TEST_F(PipelineTest, AddsADeadLetterWithItsError) {
    ASSERT_TRUE(take(5, "!74"));
    const BatchMessage &message = batch.messages[0];
    EXPECT_EQ(message.error, DecodeErrorCode::wrong_type);
    EXPECT_EQ(text(message.error_text), "refused");
    EXPECT_EQ(text(message.payload), "!74");
    EXPECT_EQ(message.readings, 0U);
    EXPECT_EQ(batch.partitions[0].messages, 1);
    EXPECT_EQ(batch.partitions[0].readings, 0);
}

TEST_F(PipelineTest, KeepsTheHeadersOfEachMessageThatIsNotIgnored) {
    const TwoHeaders unread;
    ASSERT_TRUE(take(5, "a", &unread));
    EXPECT_EQ(decoder.header_count, 0U);
    ASSERT_TRUE(take(6, "!", &unread));
    ASSERT_TRUE(take(7, "#", &unread));
    for (size_t i = 0; i < 2; i++) {
        const BatchMessage &message = batch.messages[i];
        ASSERT_EQ(message.headers, 2U);
        EXPECT_EQ(text(batch.headers[message.first_header].name), "one");
        EXPECT_EQ(text(batch.headers[message.first_header].value), "1");
        EXPECT_EQ(batch.headers[message.first_header + 1].value.size, -1) << "a value can be NULL";
    }
    EXPECT_EQ(batch.messages[2].headers, 0U) << "an ignored message";
}

TEST_F(PipelineTest, AddsNoMessageThatFoundNoMemory) {
    EXPECT_FALSE(take(5, "$"));
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(take(5, "\x4a")) << "the message can be taken again";
    EXPECT_EQ(batch.readings.size(), 1U);
}

TEST_F(PipelineTest, AddsAMessageOnce) {
    ASSERT_TRUE(take(5, "\x4a"));
    ASSERT_TRUE(take(5, "\x4b"));
    ASSERT_TRUE(take(5, "!"));
    ASSERT_TRUE(take(5, "#"));
    ASSERT_EQ(batch.messages.size(), 1U);
    ASSERT_EQ(batch.readings.size(), 1U);
    EXPECT_EQ(batch.readings[0].heart_rate, 74);
    EXPECT_EQ(batch.partitions[0].messages, 1);
    EXPECT_EQ(batch.partitions[0].ignored, 0);
}

} // namespace
} // namespace heartbeat
