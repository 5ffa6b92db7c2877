// Unit test: the pipeline takes a message through any decoder, classifies its reading, and adds both to the
// batch.
#include "decode/batch_filler.h"
#include "decode/pipeline.h"

#include <cstring>
#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

// A format for this test: the customer's id is the message's key, the payload is one byte with the heart
// rate, and the event time is the Kafka time. For a payload of two bytes the decoder reports that memory is
// full.
class ByteDecoder final : public Decoder {
  public:
    bool decode(const MessageView &message, Decoded *decoded) const noexcept override {
        decoded->error = {message.payload.size == 2 ? DecodeErrorCode::out_of_memory
                                                    : DecodeErrorCode::wrong_type,
                          "not one byte"};
        if (message.payload.size != 1)
            return false;
        std::memcpy(decoded->reading.customer_id, message.key.data, message.key.size);
        decoded->reading.customer_id_size = static_cast<uint16_t>(message.key.size);
        decoded->reading.heart_rate = *static_cast<const unsigned char *>(message.payload.data);
        decoded->reading.event_time = message.kafka_time * 1000;
        return true;
    }
};

class PipelineTest : public testing::Test {
  protected:
    bool take(int64_t offset, const std::string &payload) {
        return pipeline_take(&decoder,
                             {7, offset, 1000 + offset, 3, {"CUST-1", 6}, {payload.data(), payload.size()}},
                             5, &batch);
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
    EXPECT_TRUE(first.is_reading());
    EXPECT_EQ(first.offset, 5);
    EXPECT_EQ(first.kafka_time, 1005);
    EXPECT_EQ(first.leader_epoch, 3);
    EXPECT_EQ(text(first.key), "CUST-1");
    EXPECT_EQ(text(first.payload), "\x4a");
    EXPECT_EQ(text(first.customer_id), "CUST-1");
    EXPECT_EQ(first.heart_rate, 74);
    EXPECT_EQ(first.event_time, 1'005'000);
    EXPECT_EQ(first.heart_rate_class, HeartRateClass::normal);
    EXPECT_EQ(batch.messages[1].heart_rate_class, HeartRateClass::bradycardia);
    EXPECT_EQ(batch.messages[2].heart_rate_class, HeartRateClass::tachycardia);
    EXPECT_EQ(batch.partitions[0].partition, 7);
    EXPECT_EQ(batch.partitions[0].first_offset, 5);
    EXPECT_EQ(batch.partitions[0].next_offset, 8);
    EXPECT_EQ(batch.partitions[0].readings, 3);
}

TEST_F(PipelineTest, AddsADeadLetterWithItsError) {
    ASSERT_TRUE(take(5, "74!"));
    const BatchMessage &message = batch.messages[0];
    EXPECT_EQ(message.error, DecodeErrorCode::wrong_type);
    EXPECT_EQ(text(message.error_text), "not one byte");
    EXPECT_EQ(text(message.payload), "74!");
    EXPECT_EQ(message.customer_id.size, -1);
    EXPECT_EQ(batch.partitions[0].messages, 1);
    EXPECT_EQ(batch.partitions[0].readings, 0);
}

TEST_F(PipelineTest, AddsNoMessageThatFoundNoMemory) {
    EXPECT_FALSE(take(5, "74"));
    EXPECT_TRUE(batch.empty());
    EXPECT_TRUE(take(5, "\x4a")) << "the message can be taken again";
    EXPECT_TRUE(batch.messages[0].is_reading());
}

TEST_F(PipelineTest, AddsAMessageOnce) {
    ASSERT_TRUE(take(5, "\x4a"));
    ASSERT_TRUE(take(5, "\x4b"));
    ASSERT_TRUE(take(5, "a longer one"));
    ASSERT_EQ(batch.messages.size(), 1U);
    EXPECT_EQ(batch.messages[0].heart_rate, 74);
    EXPECT_EQ(batch.partitions[0].messages, 1);
}

} // namespace
} // namespace heartbeat
