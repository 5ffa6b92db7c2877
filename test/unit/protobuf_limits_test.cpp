// Unit test: the limits of the reader of Protobuf. The time and the memory that a hostile message can cost
// are limited. A failed allocation is no fault of the message.
#include "failing_allocations.h"
#include "protobuf_examples.h"

namespace heartbeat {
namespace {

const std::string four = pb_set({pb_file(
    "proto3", {pb_message("M", {pb_field("id", 1, PbType::string), pb_field("heart_rate", 2, PbType::int32),
                                pb_field("at", 3, PbType::int64), pb_field("device", 4, PbType::string)})})});

TEST(ProtobufLimits, LimitsDepthAndValues) {
    const std::string set = set_of("proto3", pb_message("M", {pb_field("m", 1, PbType::message, ".p.M"),
                                                              pb_list("l", 2, PbType::message, ".p.M"),
                                                              pb_list("n", 3, PbType::int32)}));
    const auto reader = pb_reader(set, "/m");
    const auto deep = [](uint32_t levels) {
        Bytes message;
        for (uint32_t i = 1; i < levels; ++i)
            message = Bytes().bytes(1, message);
        return message.text;
    };
    EXPECT_EQ(pb_read(*reader, deep(message_depth_max - 1)).substr(0, 6), R"({"m":{)");
    EXPECT_EQ(pb_read(*reader, deep(message_depth_max + 1)),
              "INVALID_PROTOBUF: payload has values in more than 256 levels; expected at most 256");
    const std::string many(message_values_max, '\1');
    EXPECT_EQ(pb_read(set, "/n", Bytes().bytes(3, many)),
              "INVALID_PROTOBUF: payload has more than 1048576 values that the mapping reads");
    EXPECT_EQ(pb_read(set, "/n/0", Bytes().bytes(3, many)), R"({"n":[1]})");
    std::string pieces;
    for (size_t i = 0; i <= message_values_max + 1; ++i)
        pieces += std::string("\x12\0", 2);
    EXPECT_EQ(pb_read(*pb_reader(set, "/l"), pieces).substr(0, 77),
              "INVALID_PROTOBUF: payload is not valid Protobuf: it has too many values, at b");
    EXPECT_EQ(pb_read(*pb_reader(set, "/l/0"), pieces), R"({"l":[{"l":[],"n":[]}]})");
    EXPECT_EQ(pb_read(*reader, std::string(message_bytes_max + 1, '\0')),
              "INVALID_PROTOBUF: payload has 16777217 bytes; expected at most 16777216");
}

// If a type has many fields, even an empty message of this type costs much memory and time.
TEST(ProtobufLimits, LimitsMessagesWithManyFields) {
    std::vector<Bytes> fields = {pb_list("l", 1, PbType::message, ".p.M"),
                                 pb_field("m", 2, PbType::message, ".p.M")};
    for (uint32_t i = 3; i <= 8000; ++i)
        fields.push_back(pb_field("f" + std::to_string(i), i, PbType::int32));
    const std::string set = set_of("proto2", pb_message("M", fields));
    const auto reader = pb_reader(set, "/l/*/f3 /m");
    std::string list;
    for (int i = 0; i < 10000; ++i)
        list += std::string("\x0A\0", 2);
    const std::string fault =
        "INVALID_PROTOBUF: payload is not valid Protobuf: it has too many messages of types "
        "with many fields, at byte ";
    EXPECT_EQ(pb_read(*reader, list).substr(0, 13), R"({"l":[{},{},{)");
    EXPECT_EQ(pb_read(*reader, Bytes().bytes(2, list).text).substr(0, fault.size()), fault);
    Bytes deep;
    for (int i = 0; i < 200; ++i)
        deep = Bytes().bytes(2, deep);
    EXPECT_EQ(pb_read(*reader, deep.text).substr(0, fault.size()), fault);
}

// A group has no length. So the reader finds the end of a group only if it reads all groups inside this
// group. At the next level, the reader must read these inner groups again. So deeply nested groups cost much
// time.
TEST(ProtobufLimits, LimitsGroups) {
    const std::string set = set_of("proto2", pb_message("M", {pb_field("g", 1, PbType::group, ".p.M")}));
    std::string deep, end;
    for (int i = 0; i < 100; ++i) {
        deep += '\x0B';
        end += '\x0C';
    }
    EXPECT_EQ(pb_read(*pb_reader(set, "/g"), deep + end).substr(0, 10), R"({"g":{"g":)");
    deep += Bytes().bytes(9, std::string(size_t{1} << 20U, 'x')).text;
    EXPECT_EQ(pb_read(*pb_reader(set, "/g"), deep + end).substr(0, 77),
              "INVALID_PROTOBUF: payload is not valid Protobuf: groups are nested too deeply");
}

TEST(ProtobufLimits, FailedAllocations) {
    const std::string message =
        Bytes().bytes(1, std::string("A")).varint(2, 74).bytes(4, std::string("D")).text;
    SchemaError refused{};
    const WantedValue wanted = wanted_of("/id /heart_rate /at");
    std::unique_ptr<SchemaReader> reader;
    for (long allowed = 0; reader == nullptr && allowed < 1000; ++allowed) {
        allocations_left = allowed;
        reader.reset(protobuf_reader(four, false, wanted, &refused));
        allocations_left = no_limit;
        EXPECT_TRUE(reader != nullptr || refused.out_of_memory);
    }
    ASSERT_NE(reader, nullptr);
    ReaderMemory memory;
    ValueTree tree;
    DecodeError error{};
    bool is_read = false;
    for (long allowed = 0; !is_read && allowed < 100; ++allowed) {
        allocations_left = allowed;
        is_read = reader->read(message, "payload", &memory, &tree, &error);
        allocations_left = no_limit;
        EXPECT_TRUE(is_read || error.code == DecodeErrorCode::out_of_memory);
    }
    ASSERT_TRUE(is_read);
    constexpr long many = 1000;
    allocations_left = many;
    EXPECT_TRUE(reader->read(message, "payload", &memory, &tree, &error));
    EXPECT_EQ(allocations_left.exchange(no_limit), many) << "usual messages need no allocation";
}

} // namespace
} // namespace heartbeat
