// Unit test: the frame of Confluent, and bytes without a frame.
#include "decode/confluent_frame.h"

#include <gtest/gtest.h>
#include <string>

namespace heartbeat {
namespace {

using namespace std::string_literals;

std::string frame_text(const std::string &bytes) {
    ConfluentFrame frame;
    DecodeError error;
    if (confluent_frame_read(bytes, "payload", DecodeErrorCode::invalid_avro, &frame, &error))
        return std::to_string(frame.schema_id) + " " + std::string(frame.body);
    EXPECT_EQ(error.code, DecodeErrorCode::invalid_avro);
    return error.text;
}

TEST(ConfluentFrame, HasTheIdInNetworkOrder) {
    EXPECT_EQ(frame_text("\0\0\0\0\7body"s), "7 body");
    EXPECT_EQ(frame_text("\0\x01\x02\x03\xff"s), "16909311 ");
    EXPECT_EQ(frame_text("\0\x7f\xff\xff\xff\0"s), "2147483647 \0"s);
}

TEST(ConfluentFrame, RefusesOtherBytes) {
    const std::string expected = "; expected the byte 0 and the id of a schema in 4 bytes";
    EXPECT_EQ(frame_text(R"({"id":1})"),
              "payload begins with the byte 0x7b and has no frame of Confluent" + expected);
    EXPECT_EQ(frame_text("\xff"),
              "payload begins with the byte 0xff and has no frame of Confluent" + expected);
    EXPECT_EQ(frame_text(""), "payload has 0 bytes, too few for the frame of Confluent" + expected);
    EXPECT_EQ(frame_text("\0\0\0\0"s), "payload has 4 bytes, too few for the frame of Confluent" + expected);
    EXPECT_EQ(frame_text("\0\x80\0\0\0"s),
              "payload has a frame of Confluent with a negative schema id" + expected);
}

TEST(ConfluentFrame, HasTheCodeOfTheFormat) {
    ConfluentFrame frame;
    DecodeError error;
    EXPECT_FALSE(confluent_frame_read("{}", "key", DecodeErrorCode::invalid_protobuf, &frame, &error));
    EXPECT_EQ(error.code, DecodeErrorCode::invalid_protobuf);
    EXPECT_EQ(std::string(error.text).substr(0, 10), "key begins");
}

} // namespace
} // namespace heartbeat
